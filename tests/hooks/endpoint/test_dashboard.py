"""The dashboards of endpoints stand beside each other in one Grafana."""

import json

from tests.hooks.cli.commandline import aim, endpoint, recipe

SHOWN = {"enabled": True, "grafana": {"enabled": True}}


def test_endpoints_of_equal_names_have_dashboards_that_share_neither_uid_nor_title_nor_file():
    objects = [
        endpoint({"name": "chat", "namespace": namespace}, modelId="example/model", monitoring=SHOWN)
        for namespace in ("team-a", "team-b")
    ]
    done = aim("plan", "-f", "---\n".join([*objects, recipe("one")]), "-o", "json")
    found = [one for one in json.loads(done.stdout)["items"] if one["kind"] == "ConfigMap"]
    assert [one["metadata"]["name"] for one in found] == ["chat-dashboard"] * 2
    [[(file, text)], [(other_file, other_text)]] = [list(one["data"].items()) for one in found]
    board, other = json.loads(text), json.loads(other_text)
    assert (file, other_file) == ("team-a.chat.json", "team-b.chat.json")
    assert (board["title"], other["title"]) == ("chat (team-a)", "chat (team-b)")
    assert len({board["uid"], other["uid"]}) == 2
    assert len(board["uid"]) <= 40
