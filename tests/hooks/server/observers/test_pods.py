"""The observer of Pods: when it asks, how, how often, and what it makes of no answer."""

import json
import threading
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from aimlib.config import ConfigError
from aimlib.naming import label_value, track_value
from aimlib.protocol.metacontroller import parse_request
from aimlib.protocol.observed import replicas_missing
from hooks.endpoint.report import LATEST_POD_RESYNC_SECONDS, POD_RESYNC_SECONDS
from hooks.server.app import create_app
from hooks.server.observers import pods as observer
from hooks.server.observers.enabled import observers
from hooks.server.observers.pods import PodObserver
from tests.apiserver import standing_in
from tests.cases import TESTDATA, Case
from tests.loopback import Answering, Loopback
from tests.playing import play
from tests.world import NOON

STUCK = Case(TESTDATA / "endpoint" / "sync" / "stuck-on-a-secret-that-is-not-there")
READY = Case(TESTDATA / "endpoint" / "sync" / "all-replicas-ready")
POD = {"metadata": {"name": "chat-x"}, "spec": {"containers": [{"name": "engine"}]}, "status": {"phase": "Pending"}}


@pytest.fixture
def api(monkeypatch, tmp_path):
    """An API server that answers with `reply`, and keeps what it is asked in `asked`."""

    class Api(Answering):
        def do_GET(self):
            server.asked.append((urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)))
            self.reply(*((200, json.dumps(server.replies.pop(0)).encode()) if server.replies else server.reply))

    server = Loopback(Api)
    server.asked, server.replies, server.reply = [], [], (200, json.dumps({"items": [POD]}).encode())
    with standing_in(server, tmp_path, monkeypatch):
        yield server


def asked(case=STUCK, now=NOON, status=None, **metadata):
    body = play(case.kind, case.hook, case.world).request
    parent = {**body["parent"], "metadata": {**body["parent"]["metadata"], **metadata}, "status": status or {}}
    return parse_request({**body, "parent": parent}, now)


def test_the_pods_of_the_endpoint_are_listed_by_label_with_a_limit(api):
    assert PodObserver()(asked()) == [POD]
    query = {"labelSelector": ["aim.engine.amd.com/endpoint in (chat,chat_b)"], "limit": ["20"]}
    assert api.asked == [("/api/v1/namespaces/team-a/pods", query)]


def test_pods_that_are_there_are_seen_beside_many_that_failed(api):
    failed = [{"metadata": {"name": f"chat-{count}"}, "status": {"phase": "Failed"}} for count in range(20)]
    api.replies = [{"items": failed, "metadata": {"continue": "next"}}, {"items": [POD]}]
    assert PodObserver()(asked()) == [POD, *failed]
    assert [query.get("fieldSelector") for _, query in api.asked] == [None, ["status.phase!=Failed"]]


def test_a_name_that_is_no_label_is_listed_by_its_label_value(api):
    PodObserver()(asked(name="x" * 100))
    [(_, query)] = api.asked
    assert query["labelSelector"] == [
        f"aim.engine.amd.com/endpoint in ({label_value('x' * 100)},{track_value('x' * 100, 'b')})"
    ]


def test_nothing_is_listed_while_all_replicas_are_ready(api):
    assert PodObserver()(asked(READY, status={"replicas": {"desired": 2, "ready": 2}})) is None
    assert api.asked == []


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("replicas", [{}, {"replicas": {"desired": 2}}, {"replicas": {"desired": 2, "ready": 1}}])
def test_they_are_listed_once_more_when_a_replica_has_come(replicas):
    assert PodObserver()(asked(READY, status=replicas)) == [POD]


def test_a_burst_of_syncs_lists_once_and_a_later_sync_lists_again(api):
    pods = PodObserver()
    for milliseconds in (0, 10, 500, 1999):
        assert pods(asked(now=NOON + timedelta(milliseconds=milliseconds))) == [POD]
    assert len(api.asked) == 1
    pods(asked(now=NOON + timedelta(seconds=2)))
    assert len(api.asked) == 2
    pods(asked(name="other"))
    assert len(api.asked) == 3
    pods(asked(now=NOON - timedelta(seconds=60)))  # the clock was set back
    assert len(api.asked) == 4


def test_a_replica_that_has_become_ready_is_not_looked_for_in_an_earlier_list(api):
    """Else its start was never seen: the next sync has no reason to list."""
    pods = PodObserver()
    pods(asked())
    pods(asked(READY, status={"replicas": {"desired": 2, "ready": 1}}, now=NOON + timedelta(milliseconds=10)))
    assert len(api.asked) == 2


def test_the_number_of_kept_results_is_limited(api, monkeypatch):
    monkeypatch.setattr(observer, "MAX_ENDPOINTS", 2)
    pods = PodObserver()
    for name in ("a", "b", "c", "c", "b", "a"):
        pods(asked(name=name))
    assert len(api.asked) == 4


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((403, b'{"message": "pods is forbidden"}'), "the API server returned 403 Forbidden"),
        ((500, b""), "the API server returned 500 Internal Server Error"),
        ((200, b"<html>"), "expected value at line 1 column 1"),
    ],
)
def test_a_failed_list_is_one_line_in_the_log_and_no_pods(api, lines, reply, words):
    api.reply = reply
    pods = PodObserver()
    assert pods(asked()) == pods(asked()) == []
    [line] = lines()
    assert line["message"] == "pods cannot be listed"
    assert words in line["error"]
    assert (line["level"], line["namespace"], line["name"]) == ("warning", "team-a", "chat")


def test_no_list_is_no_pods(api):
    api.reply = (200, b"{}")
    assert PodObserver()(asked()) == []


def test_no_server_and_no_kubeconfig_are_no_pods(monkeypatch, tmp_path, lines, api):
    pods = PodObserver()
    pods(asked())
    api.server_close()
    api.shutdown()
    pods._client.rest_client.pool_manager.clear()
    assert pods(asked(now=NOON + timedelta(minutes=1))) == []
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert PodObserver()(asked()) == []
    assert len(lines()) == 2


def test_an_api_server_that_does_not_answer_in_time_is_not_waited_for(api, monkeypatch, lines):
    released = threading.Event()
    monkeypatch.setattr(observer, "POD_LIST_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(api.RequestHandlerClass, "do_GET", lambda _: released.wait(10))
    assert PodObserver()(asked()) == []
    released.set()
    assert "timed out" in lines()[0]["error"]


def test_the_server_names_the_cause_when_it_may_observe(api, monkeypatch):
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "hf-token" not found'}
    status = {"phase": "Pending", "containerStatuses": [{"name": "engine", "state": {"waiting": waiting}}]}
    api.reply = (200, json.dumps({"items": [{**POD, "status": status}]}).encode())
    body = play(STUCK.kind, STUCK.hook, STUCK.world).request
    said = {}
    for names in ("pods", ""):
        monkeypatch.setenv("AIM_OBSERVE", names)
        said[names] = create_app().test_client().post("/endpoint/sync", json=body).json
    assert said["pods"]["status"]["message"] == 'container engine cannot be created: secret "hf-token" not found'
    assert POD_RESYNC_SECONDS <= said["pods"]["resyncAfterSeconds"] <= LATEST_POD_RESYNC_SECONDS
    assert said[""]["status"]["message"] == "0 of 1 replicas ready"
    assert "resyncAfterSeconds" not in said[""]
    assert len(api.asked) == 1
    counted = create_app().test_client().get("/metrics").text
    assert 'aim_observer_requests_total{result="succeeded",target="pods"}' in counted


def test_an_observer_that_fails_changes_nothing_but_when_to_look_again(api, monkeypatch):
    api.reply = (500, b"")
    body = play(STUCK.kind, STUCK.hook, STUCK.world).request
    said = {}
    for names in ("pods", ""):
        monkeypatch.setenv("AIM_OBSERVE", names)
        said[names] = create_app().test_client().post("/endpoint/sync", json=body).json
    assert POD_RESYNC_SECONDS <= said["pods"].pop("resyncAfterSeconds") <= LATEST_POD_RESYNC_SECONDS
    assert strip(said["pods"]) == strip(said[""])


def strip(said):
    """Without the time of the request."""
    conditions = [{**one, "lastTransitionTime": ""} for one in said["status"]["conditions"]]
    return {**said, "status": {**said["status"], "conditions": conditions}}


def test_an_unknown_observer_stops_the_start(monkeypatch):
    words = "podz cannot be observed, only pods, events, prometheus and catalogue"
    with pytest.raises(ConfigError, match=words):
        observers({"AIM_OBSERVE": "pods,podz"})
    monkeypatch.setenv("AIM_OBSERVE", "x")
    with pytest.raises(ConfigError):
        create_app()


def deployment(wanted, **status):
    return {"metadata": {"name": "chat"}, "spec": {"replicas": wanted}, "status": status}


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        (deployment(1), True),
        (deployment(0), False),
        (deployment(0, replicas=1), False),
        (deployment(2, replicas=2, updatedReplicas=2, readyReplicas=2), False),
        (deployment(2, replicas=2, updatedReplicas=2, readyReplicas=1), True),
        (deployment(2, replicas=2, updatedReplicas=1, readyReplicas=2), True),
        (deployment(1, replicas=2, updatedReplicas=1, readyReplicas=1), True),
        (None, False),
    ],
)
def test_replicas_are_missing_by_the_deployments_own_account(found, missing):
    assert replicas_missing([found] if found else []) is missing


def test_of_more_than_is_read_nothing_is_made(api, lines):
    api.replies = [{"items": [{**POD, "spec": "x" * (8 << 20)}]}]
    assert PodObserver()(asked()) == []
    assert lines()[0]["error"] == "its Pods have more than 8 MiB"
