"""The API client, discovery, events, and hook calls, over real HTTP."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.cluster.standin.api import Api, ApiError
from tests.cluster.standin.definition import HookAddress
from tests.cluster.standin.discovery import Discovery, UnknownResourceError
from tests.cluster.standin.events import EventRecorder
from tests.cluster.standin.hooks import Hook, HookError, TooManyRequestsError

from .fakeapi import TOKEN, thing
from .hookserver import Reply, hook_server
from .stage import eventually


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

    def test_a_refusal_has_status_reason_and_message(self, server, api):
        server.answer = lambda _: (409, {"reason": "AlreadyExists", "message": "it is there"})
        with pytest.raises(ApiError, match="it is there") as caught:
            api.create("/x", {})
        assert (caught.value.status, caught.value.reason) == (409, "AlreadyExists")

    def test_a_busy_server_is_called_again(self, server, api):
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

    def test_a_refused_connection_is_an_error(self):
        with pytest.raises(HookError, match="http error"):
            Hook("c", "sync", HookAddress("http://127.0.0.1:1/", 1.0), 1)({})

    @pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("", 0), ("soon", 0)])
    def test_too_many_requests_has_the_seconds_to_wait(self, call, header, seconds):
        with pytest.raises(TooManyRequestsError) as caught:
            call(Reply(429, b"", {"Retry-After": header}))
        assert caught.value.seconds == seconds

    def test_too_many_requests_may_name_a_date(self, call):
        then = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
        with pytest.raises(TooManyRequestsError) as caught:
            call(Reply(429, b"", {"Retry-After": then}))
        assert 25 <= caught.value.seconds <= 31
