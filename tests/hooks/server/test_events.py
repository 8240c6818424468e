"""Events: what is sent, how often, and that no sync waits for the API server or fails with it."""

import json
import threading
from datetime import datetime

import pytest

from aimlib.config import Config, ConfigError
from aimlib.protocol.metacontroller import Request
from hooks.observability import metrics
from hooks.observability.transitions import NORMAL, WARNING, Transition
from hooks.server import event_limits, events
from hooks.server.app import create_app
from hooks.server.event_limits import OBJECT_BURST, OBJECT_SECONDS, TOTAL_BURST, EventLimits
from hooks.server.events import EVENT_MESSAGE_LENGTH, QUEUE_LENGTH, EventSender, event_object
from tests.apiserver import standing_in
from tests.cases import TESTDATA, Case
from tests.loopback import Answering, Loopback
from tests.playing import play
from tests.world import NOON

READY = {"phase": "Ready", "conditions": [{"type": "Ready", "status": "True", "reason": "All", "message": "3 of 3"}]}
FAILED = {"phase": "Failed", "conditions": [{"type": "Ready", "status": "False", "reason": "Lost", "message": "gone"}]}


@pytest.fixture
def api(monkeypatch, tmp_path):
    """An API server that answers with `code`, after `go` is set, and keeps what it is sent in `sent`."""

    class Api(Answering):
        def do_POST(self):
            server.sent.append((self.path, json.loads(self.body())))
            server.go.wait(10)
            self.reply(server.code, b"{}")

    server = Loopback(Api)
    server.sent, server.code, server.go = [], 201, threading.Event()
    server.go.set()
    with standing_in(server, tmp_path, monkeypatch):
        yield server
        server.go.set()


BEGUN = {"phase": "Reconciling", "conditions": [{"type": "Ready", "status": "False", "reason": "Progressing"}]}


def request(name="chat", version="7", status=BEGUN, uid="u-1", generation=1):
    metadata = {"name": name, "namespace": "team-a", "uid": uid, "resourceVersion": version, "generation": generation}
    parent = {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMEndpoint", "metadata": metadata}
    return Request({**parent, "status": status or {}}, {}, {}, NOON)


def counted(result):
    return metrics.EVENTS.labels(result)._value.get()


@pytest.fixture
def sender():
    return EventSender(lambda: 0.0)


def test_a_transition_is_sent_as_an_event_of_its_object(api, sender):
    sender.tell(request(), READY)
    sender.wait()
    [(path, event)] = api.sent
    assert path == "/api/v1/namespaces/team-a/events"
    assert event.pop("metadata")["name"].startswith("chat.")
    times = [datetime.fromisoformat(event.pop(name)) for name in ("firstTimestamp", "lastTimestamp")]
    assert times == [NOON, NOON]
    assert event == {
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": {
            "apiVersion": "aim.engine.amd.com/v1alpha1",
            "kind": "AIMEndpoint",
            "namespace": "team-a",
            "name": "chat",
            "uid": "u-1",
            "resourceVersion": "7",
        },
        "reason": "Ready",
        "type": "Normal",
        "message": "3 of 3",
        "source": {"component": "aim-hooks"},
        "count": 1,
    }


def test_a_response_without_a_status_or_a_change_sends_nothing(api, sender):
    sender.tell(request(), None)
    sender.tell(request(status=READY), READY)
    sender.wait()
    assert api.sent == []


def test_the_same_sync_has_the_same_name_in_every_process_and_a_later_one_another(api, sender):
    names = [event_object(request(version=version), Transition("Ready", NORMAL, words)) for version, words in VERSIONS]
    assert len({one["metadata"]["name"] for one in names}) == 2
    sender.tell(request(), READY)
    sender.tell(request(), READY)
    sender.wait()
    assert len(api.sent) == 1


def test_before_there_is_a_status_another_write_to_the_object_tells_nothing_again(api, sender):
    """As in a fresh installation, where a status is computed again since somebody else wrote to the endpoint."""
    for version, generation in (("7", 1), ("8", 1), ("9", 2)):
        sender.tell(request(version=version, status=None, generation=generation), FAILED)
    sender.tell(request(version="10", status=BEGUN), FAILED)
    sender.wait()
    assert [event["involvedObject"]["resourceVersion"] for _, event in api.sent] == ["7", "9", "10"]


VERSIONS = (("7", "2 of 3"), ("7", "3 of 3"), ("8", "3 of 3"))


def test_a_message_is_printable_and_bounded_and_so_is_the_name():
    found = event_object(request("n" * 199 + "-" + "m" * 53), Transition("Failed", WARNING, "\x1b[31m" + "x" * 5000))
    assert len(found["message"]) == EVENT_MESSAGE_LENGTH
    assert "\x1b" not in found["message"]
    assert found["metadata"]["name"].startswith("n" * 199 + ".")
    assert len(found["metadata"]["name"]) <= 253


@pytest.mark.parametrize("outcome", [(201, "sent", 0), (409, "repeated", 0), (403, "failed", 1)])
def test_what_becomes_of_an_event_is_counted_and_failures_in_a_row_are_one_line(api, sender, lines, outcome):
    api.code, result, logged = outcome
    before = counted(result)
    sender.tell(request(version="1"), READY)
    sender.tell(request(version="2"), FAILED)
    sender.wait()
    assert counted(result) == before + 2
    assert [line["message"] for line in lines()] == ["events cannot be sent"] * logged


def test_no_kubeconfig_is_counted(sender, monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    before = counted("failed")
    sender.tell(request(), READY)
    sender.wait()
    assert counted("failed") == before + 1


def test_a_sync_does_not_wait_for_an_api_server_that_hangs_and_what_finds_no_place_is_dropped(api, sender, monkeypatch):
    monkeypatch.setattr(event_limits.EventLimits, "allow", lambda *_, **__: True)
    api.go.clear()
    before = counted("dropped")
    for version in range(QUEUE_LENGTH + 10):
        sender.tell(request(version=str(version)), READY)
    assert 8 <= counted("dropped") - before <= 10  # one or none is being sent
    assert len(api.sent) <= 1
    monkeypatch.setattr(events, "TIMEOUT_SECONDS", 0.1)
    api.go.set()
    sender.wait()


def test_an_error_is_counted_and_logged_and_no_sync_fails(sender, monkeypatch, lines):
    monkeypatch.setattr(events, "transitions", lambda *_: 1 // 0)
    before = counted("failed")
    sender.tell(request(), READY)
    assert counted("failed") == before + 1
    [line] = lines()
    assert line["message"] == "events could not be made"


def test_a_busy_object_is_limited_and_warnings_come_first(api, sender):
    before = counted("dropped")
    for version in range(OBJECT_BURST):
        sender.tell(request(version=str(version)), READY)
    sender.tell(request(version="w"), FAILED)
    sender.tell(request("other", uid="u-2"), READY)
    sender.wait()
    reasons = [event["reason"] for _, event in api.sent]
    assert reasons == [*["Ready"] * (OBJECT_BURST // 2), "Failed", "Ready"]
    assert counted("dropped") == before + OBJECT_BURST // 2


def test_tokens_come_back_with_time_and_objects_share_a_limit():
    limits = EventLimits()
    taken = [limits.allow("a", 0, warning=True) for _ in range(OBJECT_BURST + 1)]
    assert taken == [*[True] * OBJECT_BURST, False]
    assert limits.allow("a", OBJECT_SECONDS, warning=True)
    assert not limits.allow("a", OBJECT_SECONDS, warning=True)
    assert not limits.allow("a", 0, warning=True)  # a clock that goes back gives nothing
    many = EventLimits()
    assert sum(many.allow(str(number), 0, warning=True) for number in range(2 * TOTAL_BURST)) == TOTAL_BURST


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(event_limits, "MAX_LIMITED_OBJECTS", 2)
    monkeypatch.setattr(event_limits, "MAX_NAMES", 2)
    limits = EventLimits()
    for number in range(5):
        limits.allow(str(number), 0, warning=True)
        assert limits.is_new(str(number))
    assert not limits.is_new("4")
    assert limits.is_new("0")
    assert len(limits._objects) == len(limits._names) == 2


def test_the_server_sends_events_where_it_is_told_to(monkeypatch):
    case = Case(TESTDATA / "endpoint" / "sync" / "a-model-alone-is-enough")
    body = play(case.kind, case.hook, {**case.world, "syncs": 1}).request
    sent, arrived = [], threading.Event()

    def create(_self, event):
        sent.append(event["reason"])
        arrived.set()

    monkeypatch.setattr(EventSender, "_create", create)
    for setting, expected in (("false", []), ("true", ["Selected"])):
        monkeypatch.setenv("AIM_EVENTS", setting)
        sent.clear()
        assert create_app(Config()).test_client().post("/endpoint/sync", json=body).status_code == 200
        if expected:
            assert arrived.wait(10)
        assert sent == expected


def test_another_setting_is_refused(monkeypatch):
    monkeypatch.setenv("AIM_EVENTS", "yes")
    with pytest.raises(ConfigError, match="AIM_EVENTS must be true or false; it is yes"):
        create_app(Config())
