"""The observer of Events of Pods: when it lists them, of which Pod, how often, and what it makes of no answer."""

from datetime import timedelta
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import pytest

from aimlib.kube.timestamp import format_timestamp
from aimlib.protocol.metacontroller import parse_request
from aimlib.protocol.observations import NOT_PREPARED, PODS
from hooks.server.observers.enabled import observers
from hooks.server.observers.pod_events import PodEventObserver
from tests.apiserver import standing_in
from tests.cases import TESTDATA, Case
from tests.loopback import Answering, Loopback
from tests.playing import play
from tests.world import NOON, pod

CASE = Case(TESTDATA / "endpoint" / "sync" / "stuck-on-a-volume-that-another-node-has")
EVENTS = "/api/v1/namespaces/team-a/events"


@pytest.fixture
def api(monkeypatch, tmp_path):
    """An API server with Events, which keeps what it is asked."""

    class Api(Answering):
        def do_GET(self):
            path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            if path.endswith("/pods"):
                self.reply_json(200, {"items": [waiting()]})
                return
            server.asked.append((path, query))
            self.reply_json(server.code, {"items": server.events})

    server = Loopback(Api)
    server.asked, server.code, server.events = [], 200, []
    with standing_in(server, tmp_path, monkeypatch):
        yield server


def waiting(since=NOON - timedelta(minutes=1), **metadata):
    """A Pod that has had a node since then."""
    scheduled = {"status": "True", "lastTransitionTime": format_timestamp(since)}
    return pod({"metadata": {"uid": "1234", **metadata}, "conditions": {"PodScheduled": scheduled, "Ready": "False"}})


def asked(*pods, now=NOON):
    return parse_request(play(CASE.kind, CASE.hook, CASE.world).request, now).with_observation(PODS, [*pods])


def event(message, **fields):
    return {"reason": "FailedMount", "message": message, "lastTimestamp": format_timestamp(NOON), **fields}


def test_the_events_of_the_pod_alone_are_listed(api):
    micro = f"{NOON:%Y-%m-%dT%H:%M:%S}.500000Z"
    api.events = [
        event("no time", lastTimestamp=None),
        event(None),
        event("no reason", reason=None),
        "no event",
        event("of a series", lastTimestamp=None, series={"lastObservedTime": micro}),
    ]
    told = PodEventObserver()(asked(waiting(), now=NOON + timedelta(seconds=1)))
    assert told.failure.message == "the node cannot mount a volume of the pod: of a series"
    selector = "involvedObject.uid=1234,type=Warning"
    assert api.asked == [(EVENTS, {"fieldSelector": [selector], "limit": ["100"]})]


def test_a_result_is_reused_for_a_while(api):
    api.events = [event("no")]
    observe = PodEventObserver()
    for seconds in (0, 4, 5, 4):
        assert observe(asked(waiting(), now=NOON + timedelta(seconds=seconds))).failure.reason == "VolumeNotMounted"
    assert len(api.asked) == 3


@pytest.mark.parametrize(
    "pods", [[], [waiting(NOON)], [waiting(uid=None)]], ids=["no pod", "one that begins", "no uid"]
)
def test_nothing_is_asked_without_a_pod_that_waits(api, pods):
    assert PodEventObserver()(asked(*pods)) is None
    assert api.asked == []


def test_of_no_answer_nothing_is_made(api, lines):
    api.code = HTTPStatus.FORBIDDEN
    assert PodEventObserver()(asked(waiting())) is None
    [line] = lines()
    assert line["message"] == "events of a pod cannot be listed"


def test_of_more_than_is_read_nothing_is_made(api, lines):
    api.events = [event("x" * 50_000)] * 100
    assert PodEventObserver()(asked(waiting())) is None
    assert lines()[0]["error"] == "its Events have more than 4 MiB"


def test_it_is_one_of_those_that_read_events(api):
    api.events = [event("no")]
    observe = observers({"AIM_OBSERVE": "pods,events"})["/endpoint/sync"]
    told = observe(parse_request(play(CASE.kind, CASE.hook, CASE.world).request, NOON)).observations.get(NOT_PREPARED)
    assert told.failure.message == "the node cannot mount a volume of the pod: no"
