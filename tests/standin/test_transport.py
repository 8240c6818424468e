"""The API client, discovery, the informer's list and watch, events, and hook calls, over real HTTP."""

import json
import queue
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.cluster.standin import informer as informer_module
from tests.cluster.standin.api import Api, ApiError
from tests.cluster.standin.definition import HookAddress
from tests.cluster.standin.discovery import Discovery, Resource, UnknownResourceError
from tests.cluster.standin.events import EventRecorder
from tests.cluster.standin.hooks import Hook, HookError, TooManyRequestsError
from tests.cluster.standin.informer import Informer, InformerPool

from .fakeapi import TOKEN, fake_api
from .hookserver import Reply, hook_server
from .stage import eventually

THINGS = Resource("exp/v1", "things", "Thing", namespaced=True, has_status=True)


@pytest.fixture
def server(tmp_path):
    with fake_api(tmp_path) as made:
        yield made


@pytest.fixture
def api(server):
    return Api(str(server.kubeconfig), qps=1e6, burst=1_000_000)


def thing(name, version, **metadata):
    return {"metadata": {"name": name, "namespace": "n", "resourceVersion": str(version), **metadata}}


class TestApi:
    def test_a_request_carries_token_agent_query_and_body(self, server, api):
        server.answer = lambda _: (200, {"ok": True})
        assert api.get("/x", limit=5) == {"ok": True}
        api.create("/y", {"a": "ü"})
        got, made = server.requests
        assert got.query == {"limit": "5"}
        assert got.headers["Authorization"] == f"Bearer {TOKEN}"
        assert got.headers["User-Agent"].startswith("metacontroller/")
        assert (made.method, made.body, made.headers["Content-Type"]) == ("POST", {"a": "ü"}, "application/json")

    def test_a_refusal_tells_status_reason_and_message(self, server, api):
        server.answer = lambda _: (409, {"reason": "AlreadyExists", "message": "it is there"})
        with pytest.raises(ApiError, match="it is there") as caught:
            api.create("/x", {})
        assert (caught.value.status, caught.value.reason) == (409, "AlreadyExists")

    def test_a_busy_server_is_asked_again(self, server, api):
        answers = iter([(429, {}, {"Retry-After": "0"}), (429, {}, {"Retry-After": "0"}), (200, {"ok": 1})])
        server.answer = lambda _: next(answers)
        assert api.get("/x") == {"ok": 1}
        assert len(server.requests) == 3

    def test_requests_wait_for_their_turn(self, server):
        server.answer = lambda _: (200, {})
        slow = Api(str(server.kubeconfig), qps=20, burst=1)
        began = time.monotonic()
        for _ in range(5):
            slow.get("/x")
        assert time.monotonic() - began >= 0.19


class TestDiscovery:
    def test_it_knows_plural_kind_scope_and_status(self, server, api):
        def group(name, version, *resources):
            return {"metadata": {"name": name}, "versions": [{"version": version, "resources": list(resources)}]}

        def resource(plural, kind, scope, *subresources):
            subs = [{"subresource": sub} for sub in subresources]
            return {"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "subresources": subs}

        served = {
            "/api": [group("", "v1", resource("nodes", "Node", "Cluster", "status", "proxy"))],
            "/apis": [group("exp", "v1", resource("things", "Thing", "Namespaced"))],
        }
        server.answer = lambda request: (200, {"items": served[request.path]})
        discovery = Discovery(api, 0.05)
        discovery.start()
        node, things = discovery.resource("v1", "nodes"), discovery.kind("exp/v1", "Thing")
        assert (node.key, node.has_status, node.path("ignored", "a", "status")) == (
            "Node.v1",
            True,
            "/api/v1/nodes/a/status",
        )
        assert (things.key, things.has_status, things.path("n", "a")) == (
            "Thing.exp/v1",
            False,
            "/apis/exp/v1/namespaces/n/things/a",
        )
        with pytest.raises(UnknownResourceError, match="can't find resource late in apiVersion exp/v1"):
            discovery.resource("exp/v1", "late")
        served["/apis"].append(group("exp", "v1", resource("late", "Late", "Cluster")))
        eventually(lambda: _served(discovery, "late"), "the new kind")
        discovery.stop()


def _served(discovery, plural):
    try:
        return discovery.resource("exp/v1", plural)
    except UnknownResourceError:
        return None


class Cluster:
    """Lists and watches of one resource, as a script."""

    def __init__(self, server):
        self.lists, self.events = [], queue.SimpleQueue()
        self.list_queries, self.watch_queries = [], []
        server.answer = self.answer

    def answer(self, request):
        if "watch" in request.query:
            self.watch_queries.append(request.query)
            return 200, iter(self.events.get, None)
        self.list_queries.append(request.query)
        return 200, self.lists.pop(0)

    def event(self, kind, obj):
        self.events.put(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    def end(self):
        self.events.put(None)


@pytest.fixture
def cluster(server, monkeypatch):
    monkeypatch.setattr(informer_module, "RETRY_SECONDS", (0.01, 0.02))
    made = Cluster(server)
    yield made
    for _ in range(5):
        made.end()


@pytest.fixture
def informer(api, cluster):  # noqa: ARG001  its script is needed first
    made = Informer(api, THINGS)
    yield made
    made.stop()


def page(version, *items, more=None):
    metadata = {"resourceVersion": str(version), **({"continue": more} if more else {})}
    return {"metadata": metadata, "items": list(items)}


def names(informer, namespace=""):
    return sorted(obj["metadata"]["name"] for obj in informer.store.objects(namespace))


class TestInformer:
    def test_it_lists_in_pages_and_gives_items_their_kind(self, informer, cluster):
        cluster.lists = [page(5, thing("a", 1), more="more"), page(5, thing("b", 2))]
        informer.start()
        assert informer.wait_synced(5)
        assert names(informer) == ["a", "b"]
        assert informer.store.get("n", "a") == {"apiVersion": "exp/v1", "kind": "Thing", **thing("a", 1)}
        assert cluster.list_queries[1]["continue"] == "more"

    def test_it_watches_from_the_list_and_keeps_up(self, informer, cluster):
        cluster.lists = [page(5, thing("a", 1))]
        changes = queue.SimpleQueue()
        informer.start()
        informer.wait_synced(5)
        informer.subscribe("test", lambda old, new: changes.put((_version(old), _version(new))))
        assert changes.get(timeout=5) == (None, "1")
        cluster.event("MODIFIED", thing("a", 6))
        assert changes.get(timeout=5) == ("1", "6")
        cluster.event("MODIFIED", thing("a", 6))
        cluster.event("ADDED", thing("b", 7))
        assert changes.get(timeout=5) == (None, "7"), "the same version again is no change"
        cluster.event("DELETED", thing("a", 8))
        assert changes.get(timeout=5) == ("6", None)
        assert names(informer) == ["b"]
        assert (cluster.watch_queries[0]["resourceVersion"], cluster.watch_queries[0]["allowWatchBookmarks"]) == (
            "5",
            "true",
        )

    def test_a_bookmark_moves_where_the_next_watch_begins(self, informer, cluster):
        cluster.lists = [page(5)]
        informer.start()
        cluster.event("BOOKMARK", {"metadata": {"resourceVersion": "99"}})
        cluster.end()
        eventually(lambda: len(cluster.watch_queries) == 2, "the second watch")
        assert cluster.watch_queries[1]["resourceVersion"] == "99"
        assert len(cluster.list_queries) == 1

    def test_a_watch_that_is_too_old_begins_again_with_a_list(self, informer, cluster):
        cluster.lists = [page(5, thing("gone", 1), thing("stays", 2)), page(50, thing("stays", 2), thing("new", 40))]
        changes = queue.SimpleQueue()
        informer.start()
        informer.wait_synced(5)
        informer.subscribe("test", lambda old, new: changes.put((_version(old), _version(new))))
        assert {changes.get(timeout=5) for _ in range(2)} == {(None, "1"), (None, "2")}
        cluster.event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
        assert {changes.get(timeout=5) for _ in range(2)} == {("1", None), (None, "40")}
        eventually(lambda: len(cluster.watch_queries) == 2, "the second watch")
        assert cluster.watch_queries[1]["resourceVersion"] == "50"

    def test_an_event_may_come_in_pieces(self, informer, cluster):
        cluster.lists = [page(5)]
        informer.start()
        informer.wait_synced(5)
        line = json.dumps({"type": "ADDED", "object": thing("a", 6)}).encode() + b"\n"
        for piece in (line[:10], line[10:30], line[30:] + line[:5], line[5:]):
            cluster.events.put(piece)
        eventually(lambda: names(informer) == ["a"], "the object")

    def test_owners_and_namespaces_are_indexed(self, informer, cluster):
        owner = {"uid": "u", "controller": True}
        other = {"metadata": {"name": "z", "namespace": "m", "resourceVersion": "3"}}
        cluster.lists = [page(5, thing("a", 1, ownerReferences=[owner]), thing("b", 2), other)]
        informer.start()
        informer.wait_synced(5)
        assert names(informer, "n") == ["a", "b"]
        assert [obj["metadata"]["name"] for obj in informer.store.owned_by("u")] == ["a"]
        cluster.event("MODIFIED", thing("a", 6))
        eventually(lambda: not informer.store.owned_by("u"), "the release")
        assert len(informer.store.owned_by("")) == 3

    def test_the_last_user_ends_a_shared_informer(self, api, cluster):
        cluster.lists = [page(5)]
        pool = InformerPool(api)
        first, second = pool.acquire(THINGS), pool.acquire(THINGS)
        assert first is second
        eventually(lambda: cluster.watch_queries, "the watch")
        pool.release(first)
        pool.release(second)
        eventually(lambda: not _threads("watch Thing.exp/v1"), "the thread to end")
        cluster.lists = [page(9)]
        again = pool.acquire(THINGS)
        assert again is not first
        pool.release(again)


def _version(obj):
    return obj and obj["metadata"]["resourceVersion"]


def _threads(name):
    return [thread for thread in threading.enumerate() if thread.name == name]


class TestEvents:
    @pytest.fixture
    def record(self, server, api):
        """`record(message)`: an event on one object, with a burst of 13."""
        server.answer = lambda request: (201, {"count": 1, **request.body, "metadata": {"name": "e", "namespace": "n"}})
        recorder = EventRecorder(api, qps=0.001, burst=13)
        recorder.start()
        obj = {"apiVersion": "exp/v1", "kind": "Thing", **thing("a", 1, uid="u")}
        return lambda message: recorder.record(obj, "Warning", "SyncError", message)

    def test_an_event_names_its_object(self, server, record):
        record("no")
        [made] = eventually(lambda: server.requests, "the event")
        assert (made.method, made.path) == ("POST", "/api/v1/namespaces/n/events")
        assert made.body["involvedObject"] | {"kind": "Thing", "name": "a", "uid": "u"} == made.body["involvedObject"]
        assert (made.body["type"], made.body["reason"], made.body["message"]) == ("Warning", "SyncError", "no")

    def test_the_same_again_is_counted(self, server, record):
        record("no")
        record("no")
        eventually(lambda: len(server.requests) == 2, "both")
        again = server.requests[1]
        assert (again.method, again.path) == ("PATCH", "/api/v1/namespaces/n/events/e")
        assert (again.body["count"], again.headers["Content-Type"]) == (2, "application/merge-patch+json")

    def test_many_different_ones_are_combined_and_then_held_back(self, server, record):
        for number in range(20):
            record(f"no {number}")
        eventually(lambda: len(server.requests) == 13, "the burst")
        time.sleep(0.2)
        assert [request.method for request in server.requests] == ["POST"] * 11 + ["PATCH"] * 2
        assert server.requests[-1].body["message"] == "(combined from similar events): no 12"

    def test_a_long_message_is_cut_to_what_the_server_takes(self, server, record):
        record("ü" * 1000)
        [made] = eventually(lambda: server.requests, "the event")
        assert len(made.body["message"].encode()) == 1024


class TestHook:
    @pytest.fixture
    def call(self):
        """`call(answer, timeout)`: what a hook that answers so gives."""
        with hook_server() as hooks:

            def ask(answer, timeout=5.0):
                hooks.answers["/h"] = lambda _: answer() if callable(answer) else answer
                return Hook("c", "sync", HookAddress(hooks.url("/h"), timeout), 1)(
                    {"parent": {"metadata": {"name": "x"}}}
                )

            yield ask

    def test_an_answer_is_parsed(self, call):
        assert call({"status": {"a": 1}}) == {"status": {"a": 1}}

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (Reply(500, b"the reason"), "sync hook failed: unsupported status code: 500 body: the reason"),
            (Reply(302, b"", {"Location": "/elsewhere"}), "status code: 302"),
            (Reply(200, b"<html>"), "can't unmarshal response"),
            (Reply(200, b""), "can't unmarshal response"),
        ],
    )
    def test_anything_but_200_with_json_is_an_error(self, call, answer, words):
        with pytest.raises(HookError, match=words):
            call(answer)

    def test_a_late_answer_is_an_error(self, call):
        with pytest.raises(HookError, match="http error"):
            call(lambda: time.sleep(0.5) or {}, timeout=0.1)

    def test_nobody_there_is_an_error(self):
        with pytest.raises(HookError, match="http error"):
            Hook("c", "sync", HookAddress("http://127.0.0.1:1/", 1.0), 1)({})

    @pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("", 0), ("soon", 0)])
    def test_too_many_requests_says_how_long_to_wait(self, call, header, seconds):
        with pytest.raises(TooManyRequestsError) as caught:
            call(Reply(429, b"", {"Retry-After": header}))
        assert caught.value.seconds == seconds

    def test_too_many_requests_may_name_a_date(self, call):
        then = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
        with pytest.raises(TooManyRequestsError) as caught:
            call(Reply(429, b"", {"Retry-After": then}))
        assert 25 <= caught.value.seconds <= 31
