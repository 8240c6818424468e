"""The observer of the catalogue: what it keeps, and how it goes on whatever the API server does."""

import json
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observations import CatalogueNames
from hooks.endpoint.world import INVENTORY, MODELS, RECIPES
from hooks.server.app import create_app
from hooks.server.observers import catalogue as observer
from hooks.server.observers.catalogue import CatalogueObserver, NamesObserver, WatchedKind, WatchedNames
from hooks.server.roles import EVERYTHING
from tests.apiserver import standing_in
from tests.loopback import Answering, Loopback
from tests.reviews import reviewed

BASE = "/apis/aim.engine.amd.com/v1alpha1"


def raw(name, version, **more):
    """A recipe as the API server has it."""
    noise = {"managedFields": [{"manager": "kubectl"}], "annotations": {"last-applied": "…"}, "labels": {"a": "b"}}
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version), **noise}
    return {"metadata": metadata, "spec": {"modelId": f"org/{name}"}, "status": {"phase": "Ready"}, **more}


def kept(name, version):
    """What is kept of it."""
    named = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": named, "spec": {"modelId": f"org/{name}"}}


def listed(*items, version="7", more=""):
    return 200, [{"metadata": {"resourceVersion": version, "continue": more}, "items": list(items)}]


def event(kind, one):
    return {"type": kind, "object": one}


def watched(*events):
    return 200, list(events)


def gone(code=410):
    return event("ERROR", {"kind": "Status", "code": code, "message": "too old resource version"})


BOOKMARK = event("BOOKMARK", {"kind": "AIMRecipe", "metadata": {"resourceVersion": "99"}})


class Api(Answering):
    """An API server that plays the replies of its server in turn, and at their end whatever `last` does."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked = urlsplit(self.path)
        self.server.asked.append((asked.path, {key: one for key, [one] in parse_qs(asked.query).items()}))
        code, parts = self.server.replies.pop(0) if self.server.replies else self.server.last()
        self.send_response(code)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            if part is None:  # the connection breaks
                self.close_connection = True
                return
            line = (part if isinstance(part, str) else json.dumps(part)).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")


@pytest.fixture
def api(monkeypatch, tmp_path):
    server = Loopback(Api)
    server.asked, server.replies, server.last = [], [], watched
    monkeypatch.setattr(observer, "BACKOFF_SECONDS", (0.0,) * 4)
    with standing_in(server, tmp_path, monkeypatch):
        yield server


NAMED_RECIPES = (RECIPES, "aimrecipes", "spec")


def followed(api, *replies, seen=None, kind=None):
    """A kind that has followed these replies, and what it knew before each of them in `seen`."""
    kind = kind or WatchedKind(*NAMED_RECIPES)
    api.replies[:] = replies

    def last():
        kind.stopped.set()
        return watched()

    api.last = last
    if seen is not None:
        ask = kind._request
        kind._request = lambda **how: seen.append(kind.objects()) or ask(**how)
    kind.follow()
    return kind


def test_listed_and_watched_objects_keep_the_fields_that_selection_reads(api):
    kind = followed(
        api,
        listed(raw("b", 1), raw("a", 2)),
        watched(
            event("ADDED", raw("c", 8)),
            event("MODIFIED", raw("a", 9)),
            event("DELETED", raw("b", 10)),
            event("DELETED", raw("nobody", 11)),
        ),
    )
    assert kind.objects() == [kept("a", 9), kept("c", 8)]
    queries = [query for path, query in api.asked if path == f"{BASE}/aimrecipes"]
    assert queries[0] == {"limit": "200"}
    usual = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "240"}
    assert queries[1:] == [{**usual, "resourceVersion": "7"}, {**usual, "resourceVersion": "11"}]


def test_a_long_list_comes_in_pages(api):
    kind = followed(api, listed(raw("a", 1), version="5", more="next"), listed(raw("b", 2), version="6"))
    assert kind.objects() == [kept("a", 1), kept("b", 2)]
    assert [query.get("continue") for _, query in api.asked] == [None, "next", None]
    assert api.asked[-1][1]["resourceVersion"] == "6"


def test_a_bookmark_moves_the_version_alone(api):
    kind = followed(api, listed(raw("a", 1)), watched(BOOKMARK), watched())
    assert kind.objects() == [kept("a", 1)]
    assert [query.get("resourceVersion") for _, query in api.asked] == [None, "7", "99", "99"]


@pytest.mark.parametrize("answer", [watched(gone()), (410, ["{}"])], ids=["in the watch", "to the watch"])
def test_after_an_expired_version_it_lists_again(api, answer, lines):
    seen = []
    kind = followed(api, listed(raw("a", 1), raw("b", 1)), answer, listed(raw("b", 20), version="20"), seen=seen)
    assert kind.objects() == [kept("b", 20)]
    assert [query.get("resourceVersion") for _, query in api.asked] == [None, "7", None, "20"]
    assert seen[2] == [kept("a", 1), kept("b", 1)], "what was known is known until there is something better"
    assert "410" in lines()[0]["error"]


TROUBLES = {
    "an error in the watch": watched(gone(500)),
    "a refusal": (403, ["{}"]),
    "a server that fails": (500, [""]),
    "a connection that breaks": watched(BOOKMARK, None),
    "what is no JSON": (200, ["<html>"]),
    "what is no event": watched({"kind": "Status"}),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_after_another_error_the_watch_continues_where_it_was(api, trouble, lines):
    kind = followed(api, listed(raw("a", 1)), TROUBLES[trouble], watched(event("ADDED", raw("b", 100))))
    assert kind.objects() == [kept("a", 1), kept("b", 100)]
    assert sum("watch" not in query for _, query in api.asked) == 1
    [line] = lines()
    assert (line["message"], line["observed"], line["failures"]) == ("the catalogue cannot be watched", "aimrecipes", 1)
    assert line["error"]


def test_objects_are_dropped_when_they_get_too_old_and_listed_again(api):
    seen = []
    kind = followed(api, listed(raw("a", 1)), *[(503, [""])] * 4, (503, [""]), listed(raw("b", 2)), seen=seen)
    assert seen == [None, *[[kept("a", 1)]] * 4, None, None, [kept("b", 2)]]
    assert kind.objects() == [kept("b", 2)]


def test_a_watch_that_ends_well_makes_up_for_what_failed(api):
    troubles = [(503, [""]), watched()] * 5
    assert followed(api, listed(raw("a", 1)), *troubles).objects() == [kept("a", 1)]


def test_with_too_many_objects_the_catalogue_is_unknown(api, monkeypatch, lines):
    monkeypatch.setattr(observer, "MAX_OBJECTS", 2)
    seen = []
    few, many = [raw("a", 1), raw("b", 1)], [raw(name, 2) for name in "abc"]
    kind = followed(api, listed(*few), watched(event("ADDED", raw("c", 8))), listed(*many), seen=seen)
    assert seen[2] is None
    assert kind.objects() is None
    assert [line["error"] for line in lines()][:2] == ["there are more than 2 aimrecipes"] * 2


def test_without_an_api_server_a_warning_is_logged(monkeypatch, tmp_path, lines):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    kind = WatchedKind(RECIPES, "aimrecipes", "spec")
    kind.stopped.wait = lambda _: kind.stopped.set()
    kind.follow()
    assert kind.objects() is None
    assert lines()[0]["error"] == "Invalid kube-config file. No configuration found."


@pytest.fixture
def following(api):
    """`following(catalogue)`: started, its watches open until the test ends."""
    released, made = threading.Event(), []
    items = {"aimrecipes": [raw("a", 1)], "aimmodels": [raw("m", 1)], "aiminventories": [raw("cluster", 1)]}

    def hold():
        released.wait(30)
        return iter(())

    def last():
        path, query = api.asked[-1]
        if "watch" in query:
            return 200, hold()
        return listed(*items[path.rpartition("/")[2]])

    api.last = last
    yield made.append
    for one in made:
        for kind in one.kinds:
            kind.stopped.set()
    released.set()
    for thread in threading.enumerate():
        if thread.name.startswith("catalogue: "):
            thread.join(10)


def until(holds):
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    pytest.fail("it did not come true in ten seconds")


def test_all_kinds_are_followed_from_the_first_question_on_once_a_process(api, following, monkeypatch):
    found = CatalogueObserver()
    following(found)
    assert found() is None
    until(found)
    inventory = {"metadata": kept("cluster", 1)["metadata"], "status": {"phase": "Ready"}}
    assert found() == {RECIPES: [kept("a", 1)], MODELS: [kept("m", 1)], INVENTORY: [inventory]}
    paths = {f"{BASE}/aimrecipes", f"{BASE}/aimmodels", f"{BASE}/aiminventories"}
    assert {path for path, _ in api.asked} == paths
    lists = sum("watch" not in query for _, query in api.asked)
    assert lists == 3
    monkeypatch.setattr(observer.os, "getpid", lambda: 4711)  # as after a fork
    assert found() is not None, "what was read before is there"
    until(lambda: sum("watch" in query for _, query in api.asked) == 6)


def test_the_server_warns_by_what_the_observer_knows(following, monkeypatch, settings):

    monkeypatch.setenv("AIM_OBSERVE", "catalogue")
    app = create_app()
    following(app.extensions["catalogue"])

    class Worker:
        wsgi, role = app, EVERYTHING

    settings["post_worker_init"](Worker)
    until(app.extensions["catalogue"])
    raw_endpoint = {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMEndpoint", "metadata": {"name": "x"}}
    asked = reviewed({**raw_endpoint, "spec": {"modelId": "org/other"}})
    said = app.test_client().post("/admission/endpoints/validate/warn/token", json=asked)
    [warning] = said.json["response"]["warnings"]
    assert warning.startswith(
        "no recipe for model org/other; did you mean org/m or org/a?; a Job reads the facts in its files"
    )


def test_where_it_is_not_enabled_nothing_is_checked_or_requested(api, client):
    assert client.application.extensions["catalogue"]() is None
    assert api.asked == []


def syncing(**related):
    parent = {"metadata": {"name": "x", "namespace": "a"}}
    return Request(parent, {}, {RECIPES: {}, MODELS: {}, **related})


def test_names_are_read_at_the_first_endpoint_whose_model_nothing_has(api, following):
    names = NamesObserver()
    following(names.catalogue)
    assert names(syncing(**{RECIPES: {"a": kept("a", 1)}})) is None
    assert not api.asked, "most clusters never need them"
    until(lambda: names(syncing()) is not None)
    assert names(syncing()) == CatalogueNames([kept("a", 1)], [kept("m", 1)])


def test_of_a_recipe_its_names_alone_are_kept(api):
    spec = {"modelId": "org/a", "checkpoint": "org/a-fp8", "configurations": [{"args": ["x" * 10_000]}]}
    kind = followed(api, listed(raw("a", 1, spec=spec), raw("b", 1, spec=None)), kind=WatchedNames(*NAMED_RECIPES))
    assert [one["spec"] for one in kind.objects()] == [{"modelId": "org/a", "checkpoint": "org/a-fp8"}, {}]


def test_a_sync_waits_for_names_once(api, following, monkeypatch):
    monkeypatch.setattr(observer, "FIRST_LIST_SECONDS", 0.02)
    names = NamesObserver()
    following(names.catalogue)
    api.last = lambda: (503, [""])
    assert names(syncing()) is None
    monkeypatch.setattr(observer, "FIRST_LIST_SECONDS", 1e9)
    assert names(syncing()) is None
