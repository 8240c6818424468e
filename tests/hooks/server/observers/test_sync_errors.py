"""The observer of errors of syncs: when it lists Events, which ones, how often, and what it makes of no answer."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import pytest

from aimlib.kube.timestamp import format_timestamp
from aimlib.protocol.metacontroller import parse_request
from aimlib.protocol.observations import SYNC_ERRORS
from hooks.endpoint.pending_children import answers_matter
from hooks.server.observers.enabled import observers
from hooks.server.observers.sync_errors import SyncErrorObserver
from tests.apiserver import standing_in
from tests.cases import TESTDATA, Case
from tests.loopback import Answering, Loopback
from tests.playing import play
from tests.world import NOON

LATER = NOON + timedelta(minutes=1)
MISSING = "Service chat cannot be created: the API server refuses it"
OF_NAMESPACE = "/api/v1/namespaces/team-a/events"


@pytest.fixture
def api(monkeypatch, tmp_path):
    """An API server with Events, which keeps what it is asked."""

    class Api(Answering):
        def do_GET(self):
            server.asked.append((urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)))
            self.reply_json(server.code, server.answer)

    server = Loopback(Api)
    server.asked, server.code, server.answer = [], 200, {"items": []}
    with standing_in(server, tmp_path, monkeypatch):
        yield server


def asked(now=LATER, uid="1234", kind="endpoint", **condition):
    """A request whose parent has reported a missing child, unless stated otherwise."""
    case = Case(TESTDATA / kind / "sync" / "a-model-alone-is-enough")
    request = parse_request(play(case.kind, case.hook, case.world).request, now)
    usual = {"type": "Available", "status": "False", "reason": "ChildMissing", "message": MISSING}
    usual["lastTransitionTime"] = format_timestamp(NOON)
    metadata = {**request.parent["metadata"], "uid": uid}
    status = {"observedGeneration": metadata.get("generation"), "conditions": [usual | condition]}
    return request._replace(parent={**request.parent, "metadata": metadata, "status": status})


def event(message, **fields):
    return {"message": message, "lastTimestamp": format_timestamp(NOON), **fields}


def observer():
    return SyncErrorObserver(answers_matter)


def test_the_events_of_the_parent_alone_are_listed_and_the_newest_comes_first(api):
    newer, moment = NOON + timedelta(seconds=5), NOON + timedelta(seconds=2)
    micro = {"lastTimestamp": None, "eventTime": f"{moment:%Y-%m-%dT%H:%M:%S}.500000Z"}
    api.answer = {
        "items": [
            event("old"),
            event("new", lastTimestamp=format_timestamp(newer)),
            event("between", **micro),
            event("no time", lastTimestamp=None),
            event("no time either", lastTimestamp="yesterday"),
            event(None),
        ]
    }
    assert [one.message for one in observer()(asked())] == ["new", "between", "old"]
    selector = "involvedObject.uid=1234,reason=SyncError,type=Warning"
    assert api.asked == [(OF_NAMESPACE, {"fieldSelector": [selector], "limit": ["100"]})]


@pytest.mark.parametrize(
    ("condition", "matters"),
    [
        ({}, True),
        ({"reason": "ChildRefused"}, True),
        ({"reason": "Progressing", "message": "0 of 1 replicas ready; waiting for Service chat"}, True),
        ({"reason": "Progressing", "message": "waiting for PersistentVolumeClaim chat-cache"}, True),
        ({"reason": "Progressing", "message": "0 of 1 replicas ready"}, False),
        ({"reason": "Progressing", "message": "waiting for Qwen/Qwen3-32B in cache models"}, False),
        ({"reason": "Progressing", "message": "waiting for the AIMInventory named cluster to be filled"}, False),
        ({"lastTransitionTime": format_timestamp(LATER)}, False),
        ({"lastTransitionTime": None}, False),
        ({"status": "True"}, False),
        ({"type": "Ready"}, False),
    ],
)
def test_events_are_read_only_where_a_child_is_given_up_or_about_to_be(api, condition, matters):
    assert observer()(asked(**condition)) == ([] if matters else None)
    assert len(api.asked) == matters


def test_syncs_that_follow_share_what_was_read(api):
    observe, after = observer(), LATER + timedelta(seconds=6)
    api.answer = {"items": [event("first")]}
    assert [one.message for one in observe(asked())] == ["first"]
    api.answer = {"items": [event("second")]}
    assert [one.message for one in observe(asked(LATER + timedelta(seconds=4)))] == ["first"]
    assert [one.message for one in observe(asked(uid="other"))] == ["second"]
    assert [one.message for one in observe(asked(after))] == ["second"]
    assert len(api.asked) == 3


def test_of_so_many_parents_alone_results_are_kept(api, monkeypatch):
    monkeypatch.setattr("hooks.server.observers.sync_errors.MAX_PARENTS", 2)
    errors = observer()
    for uid in ("first", "second", "third", "third", "first"):
        errors(asked(uid=uid))
    listed = [query["fieldSelector"][0].partition(",")[0] for _, query in api.asked]
    assert listed == [f"involvedObject.uid={uid}" for uid in ("first", "second", "third", "first")]


@pytest.mark.parametrize("code", [403, 404, 429, 500])
def test_without_an_answer_nothing_is_concluded_and_it_is_not_asked_again_at_once(api, code):
    api.code = code
    observe = observer()
    assert observe(asked()) is None
    assert observe(asked()) is None
    assert len(api.asked) == 1


def test_what_is_no_event_is_left_out(api):
    api.answer = {"items": ["no object", {}]}
    assert observer()(asked()) == []


def test_switched_on_caches_and_gateways_have_it_too(api):
    api.answer = {"items": [event("refused")]}
    by_path = observers({"AIM_OBSERVE": "events"})
    assert {*by_path} == {"/endpoint/sync", "/cache/sync", "/gateway/sync"}
    assert [one.message for one in by_path["/endpoint/sync"](asked()).observations.get(SYNC_ERRORS)] == ["refused"]
    gateway = asked(uid="g", type="Ready")
    assert [one.message for one in by_path["/gateway/sync"](gateway).observations.get(SYNC_ERRORS)] == ["refused"]
    serving = by_path["/gateway/sync"](asked(uid="h", type="Ready", reason="Progressing"))
    assert serving.observations.get(SYNC_ERRORS) is None
    missing = {"type": "StorageReady", "reason": "ClaimMissing"}
    lost = asked(uid="c", **missing)._replace(children={})
    assert [one.message for one in by_path["/cache/sync"](lost).observations.get(SYNC_ERRORS)] == ["refused"]
    found = asked(uid="d", **missing)._replace(
        children={"PersistentVolumeClaim.v1": {"x": {"metadata": {"name": "x"}}}}
    )
    assert by_path["/cache/sync"](found).observations.get(SYNC_ERRORS) is None
    assert {"/endpoint/sync"} == {*observers({"AIM_OBSERVE": "pods"})}
    assert len(api.asked) == 3
    assert {path for path, _ in api.asked} == {OF_NAMESPACE}


def test_an_endpoint_quotes_what_the_api_server_answered(api, monkeypatch):
    from hooks.server.app import create_app  # noqa: PLC0415 - after the environment is as it is to be

    case = Case(TESTDATA / "endpoint" / "sync" / "a-service-that-is-not-there-after-ten-seconds-is-missing")
    request = play(case.kind, case.hook, case.world).request
    request["parent"]["metadata"]["uid"] = "1234"
    now = format_timestamp(datetime.now(UTC))
    why = 'Sync error: can\'t reconcile children for AIMEndpoint team-a/chat: services "chat" is forbidden: no more'
    monkeypatch.setenv("AIM_OBSERVE", "events")
    for code, words in ((HTTPStatus.OK, "no more"), (HTTPStatus.FORBIDDEN, "an object of that name may have")):
        api.code, api.answer = code, {"items": [event(why, lastTimestamp=now)]}
        answer = create_app().test_client().post("/endpoint/sync", json=request)
        assert answer.status_code == HTTPStatus.OK
        assert answer.json["status"]["message"].startswith(f"Service chat cannot be created: {words}")
