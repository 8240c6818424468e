"""`python -m hooks.jobs.certificates` over HTTP: what it asks the API server, how it ends, and what it says."""

import base64
import json

import pytest

from hooks.jobs.certificates import __main__ as program
from hooks.jobs.certificates.clients import MERGE_PATCH, STRATEGIC_PATCH
from hooks.jobs.certificates.cluster import WriteConflictError
from hooks.jobs.certificates.secrets import TOKEN_SECRET
from tests.apiserver import standing_in
from tests.hooks.jobs.certificates.world import CONFIGURATIONS, CONTROLLERS, World
from tests.loopback import Answering, Loopback


class Handler(Answering):
    """Answers with what the server's `reply` says."""

    def do_GET(self):
        self.answer(None)

    def do_PATCH(self):
        self.answer(json.loads(self.body()))

    def answer(self, change):
        path, _, query = self.path.partition("?")
        self.server.asked.append((self.command, path, query, self.headers["Content-Type"]))
        self.reply_json(*self.server.reply(path, change, self.headers["Content-Type"]))


class Server(Loopback):
    """An API server with the objects of `world`; `refuse` is the status of every answer where it is set."""

    def __init__(self):
        super().__init__(Handler)
        self.world, self.asked, self.refuse, self.vanished = World(), [], None, set()

    def reply(self, path, change, content_type):
        if self.refuse:
            return self.refuse, {"message": "no"}
        name = path.rpartition("/")[2]
        secret = self.world.secrets.get(name) if "/secrets/" in path else None
        target = next((one for one in self.world.objects if path == where(one)), None)
        if not (secret or target) or (change and name in self.vanished):
            return 404, {}
        try:
            if change and secret:
                secret = self.world.write_secret({"metadata": {**change["metadata"], "name": name}}, decoded(change))
            elif change:
                self.world.patch(target.path, change, change, content_type)
        except WriteConflictError:
            return 409, {}
        return 200, secret or self.world.read(target.path)


def decoded(change):
    return {key: value and base64.b64decode(value).decode() for key, value in change["data"].items()}


@pytest.fixture
def api(monkeypatch, tmp_path):
    """The server, running, and the way to it in KUBECONFIG."""
    server = Server()
    with standing_in(server, tmp_path, monkeypatch):
        yield server


def where(target):
    group, version, plural, name = target.path
    return f"/apis/{group}/{version}/{plural}/{name}"


def said(lines):
    return [line["message"] for line in lines()]


def test_it_writes_what_differs_as_itself_and_nothing_the_second_time(api, lines):
    assert program.main(["--host", "127.0.0.1"]) == 0
    patched = [one for one in api.asked if one[0] == "PATCH"]
    assert len(patched) == len(api.world.writes) == 3 + len(api.world.objects)
    assert {query for _, _, query, _ in patched} == {"fieldManager=aim-certificates"}
    assert {kind for _, path, _, kind in patched if "webhookconfigurations" in path} == {STRATEGIC_PATCH}
    assert {kind for _, path, _, kind in patched if "webhookconfigurations" not in path} == {MERGE_PATCH}
    assert said(lines) == ["wrote"] * 3 + ["distributed"] * len(api.world.objects)
    api.asked.clear()
    assert program.main(["--host=127.0.0.1"]) == 0
    assert {one[0] for one in api.asked} == {"GET"}


def test_what_is_optional_may_be_missing(api, lines):
    for target in CONFIGURATIONS:
        del api.world.objects[target]
    assert program.main([]) == 0
    assert [line["client"] for line in lines() if line["message"] == "not installed"] == [
        target.name for target in CONFIGURATIONS
    ]


def test_a_controller_may_not_be_missing(api, lines):
    del api.world.objects[CONTROLLERS[0]]
    assert program.main([]) == 1
    [line] = [line for line in lines() if line["message"] == "not installed"]
    assert (line["level"], line["client"]) == ("error", CONTROLLERS[0].name)


def test_it_waits_for_what_is_installed_a_little_later(api, monkeypatch):
    late = CONTROLLERS[0], api.world.objects.pop(CONTROLLERS[0])
    monkeypatch.setattr(program.time, "sleep", lambda _: api.world.objects.__setitem__(*late))
    assert program.main(["--wait=60"]) == 0
    assert CONTROLLERS[0].name in api.world.writes


def test_conflicts_are_tried_again(api, lines):
    api.world.conflicts = 2
    assert program.main([]) == 0
    assert said(lines).count("conflicting write; reading everything again") == 2


def test_a_secret_that_goes_meanwhile_counts_as_a_conflict(api, lines):
    api.vanished.add(TOKEN_SECRET)
    assert program.main([]) == 1
    assert "conflicting writes 5 times in a row" in said(lines)


def test_without_its_secrets_the_error_names_a_remedy(api, lines):
    del api.world.secrets[TOKEN_SECRET]
    assert program.main(["--namespace=elsewhere"]) == 1
    assert said(lines) == ["there is no Secret elsewhere/aim-hooks-callers: apply the operator's manifests first"]


def test_a_refusal_is_logged_with_the_request(api, lines):
    api.refuse = 403
    assert program.main([]) == 1
    assert said(lines) == ["cannot read Secret aim-system/aim-hooks-callers: the API server returned 403 Forbidden"]


def test_an_unreachable_api_server_is_logged(api, lines):
    api.shutdown()
    api.server_close()
    assert program.main([]) == 1
    [text] = said(lines)
    assert text.startswith("cannot read Secret aim-system/aim-hooks-callers: the API server cannot be reached")


def test_without_a_cluster_an_error_is_logged(monkeypatch, tmp_path, lines):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert program.main([]) == 1
    [text] = said(lines)
    assert text.startswith("no cluster is configured: ")


def test_wrong_options_end_with_a_sentence(capsys):
    with pytest.raises(SystemExit):
        program.main(["--wait=long"])
    assert "argument --wait: invalid float value: 'long'" in capsys.readouterr().err
