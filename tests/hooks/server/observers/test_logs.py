"""The observer of logs: what it requests, how often, how long it waits, and what it makes of no log."""

import json
import threading
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from aimlib.config import ConfigError
from aimlib.diagnosis.engine_errors import examine
from aimlib.protocol.metacontroller import parse_request
from aimlib.protocol.observations import PODS
from hooks.server.app import create_app
from hooks.server.observers import logs as observer
from hooks.server.observers.enabled import SWITCHED, observers
from hooks.server.observers.logs import LogObserver
from tests.apiserver import standing_in
from tests.cases import TESTDATA, Case
from tests.loopback import Answering, Loopback
from tests.playing import play
from tests.world import NOON, pod

STUCK = Case(TESTDATA / "endpoint" / "sync" / "stuck-since-the-engines-core-fails-before-what-the-kubelet-keeps")
LOG = (TESTDATA / "engine-logs" / "no-weights.log").read_bytes()
NO_WEIGHTS = "the model's folder has no weights: Cannot find any model weights with `tiny`"
PATH = "/api/v1/namespaces/team-a/pods/chat-5d9c-x2x4z/log"
RIGHT = "logs cannot be read: the right to get pods/log is missing, which the component pod-logs gives"


@pytest.fixture
def api(monkeypatch, tmp_path):
    """An API server with Pods and a log, in the form of the real one: a log is text, and an error is a Status."""

    class Api(Answering):
        def do_GET(self):
            path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            if not path.endswith("/log"):
                self.reply_json(200, {"kind": "PodList", "items": server.pods})
                return
            server.asked.append((path, query))
            server.go.wait(10)
            code, body = server.answer
            if code != 200:
                body = json.dumps({"kind": "Status", "status": "Failure", "code": code}).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json" if code != 200 else "text/plain")
            self.end_headers()
            for piece in [body] if isinstance(body, bytes) else body:
                self.wfile.write(piece)

    server = Loopback(Api)
    server.asked, server.answer, server.pods = [], (200, LOG), []
    server.go = threading.Event()
    server.go.set()
    with standing_in(server, tmp_path, monkeypatch):
        try:
            yield server
        finally:
            server.go.set()


def ended(restarts=1, *, waits=True, uid="1", **metadata):
    """A pod whose engine ended."""
    last = {"terminated": {"exitCode": 1, "containerID": f"containerd://{restarts}"}}
    states = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": last} if waits else {"state": last}
    container = {"ready": False, "started": False, "restartCount": restarts, **states}
    return pod({"metadata": {"uid": uid, **metadata}, "container": container})


def asked(*pods, now=NOON):
    request = parse_request(play(STUCK.kind, STUCK.hook, STUCK.world).request, now)
    return request.with_observation(PODS, [*pods])


def later(seconds):
    return NOON + timedelta(seconds=seconds)


def test_the_log_of_the_previous_container_is_requested_with_limits(api):
    reads = LogObserver()
    found = reads(asked(ended()))
    assert found.findings == examine(LOG.decode())
    limits = {"tailLines": ["2000"], "limitBytes": ["1048576"]}
    assert api.asked == [(PATH, {"container": ["engine"], "previous": ["true"], **limits})]


def test_that_of_a_container_that_has_just_ended_is_requested_as_the_current_one(api):
    LogObserver()(asked(ended(waits=False)))
    [(_, query)] = api.asked
    assert query["previous"] == ["false"]


def test_each_attempt_is_read_once(api):
    reads = LogObserver()
    first = reads(asked(ended()))
    for seconds in (1, 60, 3600):
        assert reads(asked(ended(), now=later(seconds))) == first
    assert len(api.asked) == 1
    assert reads(asked(ended(2), now=later(3601))).attempt != first.attempt
    assert len(api.asked) == 2
    assert reads(asked(ended(2, waits=False), now=later(7200))).findings == first.findings
    assert len(api.asked) == 2


def test_pods_of_the_same_name_in_other_namespaces_have_logs_of_their_own(api):
    reads = LogObserver()
    first = reads(asked(ended()))
    second = reads(asked(ended(namespace="team-b", uid="2"), now=later(1)))
    assert first.attempt != second.attempt
    assert [path for path, _ in api.asked] == [PATH, PATH.replace("team-a", "team-b")]


@pytest.mark.parametrize(
    "pods",
    [
        [],
        [pod({})],
        [pod({"container": {"ready": False, "started": True, "state": {"running": {}}}})],
        [
            ended()["status"]
            and pod(
                {
                    "container": {
                        "ready": False,
                        "started": False,
                        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
                    }
                }
            )
        ],
    ],
)
def test_nothing_is_read_of_a_container_that_runs_or_whose_log_explains_nothing(api, pods):
    assert LogObserver()(asked(*pods)) is None
    assert api.asked == []


def test_nothing_is_read_without_pods(api):
    assert LogObserver()(parse_request(play(STUCK.kind, STUCK.hook, STUCK.world).request, NOON)) is None
    assert api.asked == []


def test_reads_of_one_process_are_apart(api):
    reads = LogObserver()
    assert reads(asked(ended())).findings
    assert reads(asked(ended(uid="2"))).findings is None
    assert len(api.asked) == 1
    assert reads(asked(ended(uid="2"), now=later(1))).findings
    assert reads(asked(ended(uid="3"), now=later(-60))).findings  # the clock was set back
    assert len(api.asked) == 3


def test_while_one_sync_waits_for_a_log_others_do_not(api, monkeypatch):
    monkeypatch.setattr(observer, "LOG_TIMEOUT_SECONDS", 30)
    api.go.clear()
    reads, results = LogObserver(), []
    waiting = threading.Thread(target=lambda: results.append(reads(asked(ended()))))
    waiting.start()
    while not api.asked:
        time.sleep(0.01)
    assert reads(asked(ended(), now=later(1))).findings is None
    assert reads(asked(ended(uid="2"), now=later(1))).findings is None
    api.go.set()
    waiting.join()
    assert results[0].findings
    assert len(api.asked) == 1


def test_the_number_of_kept_findings_is_limited(api, monkeypatch):
    monkeypatch.setattr(observer, "MAX_LOGS", 2)
    reads = LogObserver()
    for seconds, uid in enumerate("abccba"):
        reads(asked(ended(uid=uid), now=later(seconds)))
    assert len(api.asked) == 4


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_log_that_cannot_be_read_is_requested_again_after_a_while(api, lines, code):
    api.answer = (code, b"")
    reads = LogObserver()
    for seconds in (0, 5, 29):
        assert reads(asked(ended(), now=later(seconds))).findings is None
    assert len(api.asked) == 1
    api.answer = (200, LOG)
    assert reads(asked(ended(), now=later(30))).findings
    [line] = lines()
    assert (line["message"], line["level"]) == ("a log cannot be read", "warning")
    assert str(code) in line["error"]


@pytest.mark.parametrize("code", [400, 404])
def test_a_log_that_is_not_there_is_not_requested_again(api, lines, code):
    api.answer = (code, b"")
    reads = LogObserver()
    for seconds in (0, 3600):
        assert reads(asked(ended(), now=later(seconds))).findings == examine("")
    assert len(api.asked) == 1
    assert len(lines()) == 1


def test_a_missing_right_is_reported_once_and_the_status_is_as_without(api, lines):
    api.answer = (403, b"")
    reads = LogObserver()
    for seconds in (0, 10, 299, 300, 600):
        assert reads(asked(ended(seconds), now=later(seconds))) is None
    assert len(api.asked) == 3
    assert [line["message"] for line in lines()] == [RIGHT]
    api.answer = (200, LOG)
    assert reads(asked(ended(namespace="team-b"), now=later(601))).findings
    assert reads(asked(ended(), now=later(601))) is None
    assert reads(asked(ended(), now=later(900))).findings
    api.answer = (403, b"")
    assert reads(asked(ended(7), now=later(901))) is None
    assert [line["message"] for line in lines()][-1:] == [RIGHT]


def test_a_log_that_does_not_arrive_in_time_is_not_waited_for(api, monkeypatch, lines):
    monkeypatch.setattr(observer, "LOG_TIMEOUT_SECONDS", 0.1)
    api.go.clear()
    assert LogObserver()(asked(ended())).findings is None
    assert "timed out" in lines()[0]["error"]


def test_a_log_without_an_end_is_not_waited_for(api, monkeypatch, lines):
    monkeypatch.setattr(observer, "LOG_TIMEOUT_SECONDS", 0.1)

    def trickle():
        while not api.go.wait(0.02) or True:
            yield b"x\n"
            time.sleep(0.02)

    api.answer = (200, trickle())
    assert LogObserver()(asked(ended())).findings is None
    assert lines()[0]["error"] == "the log did not arrive in time"


def test_a_log_of_more_than_the_limit_is_cut(api, monkeypatch):
    monkeypatch.setattr(observer, "MAX_LOG_BYTES", 2**17)
    api.answer = (200, (b"\xff\x00" * 2**15 for _ in range(64)))
    found = LogObserver()(asked(ended()))
    assert found.findings.causes == ()


def test_no_kubeconfig_is_no_log(monkeypatch, tmp_path, lines):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert LogObserver()(asked(ended())).findings is None
    assert len(lines()) == 1


def test_the_server_names_the_first_cause_when_it_may_read_logs(api, monkeypatch):
    body = play(STUCK.kind, STUCK.hook, STUCK.world).request
    [found] = STUCK.world["pods"]
    api.pods = [pod(found)]
    messages = {}
    for logs in ("true", ""):
        monkeypatch.setenv("AIM_OBSERVE", "pods")
        monkeypatch.setenv("AIM_OBSERVE_LOGS", logs)
        messages[logs] = create_app().test_client().post("/endpoint/sync", json=body).json["status"]["message"]
    assert messages["true"] == NO_WEIGHTS
    assert "the cause is earlier in its log: kubectl logs -n team-a" in messages[""]
    assert len(api.asked) == 1
    assert (
        'aim_observer_requests_total{result="succeeded",target="logs"}'
        in create_app().test_client().get("/metrics").text
    )


def test_processes_that_have_read_and_have_not_write_the_same_status(api, monkeypatch):
    """One that cannot read the log keeps what another has reported of it."""
    monkeypatch.setenv("AIM_OBSERVE", "pods")
    monkeypatch.setenv("AIM_OBSERVE_LOGS", "true")
    body = play(STUCK.kind, STUCK.hook, STUCK.world).request
    api.pods = [pod(STUCK.world["pods"][0])]
    one, other = create_app().test_client(), create_app().test_client()
    status = one.post("/endpoint/sync", json=body).json["status"]
    assert status["message"] == NO_WEIGHTS
    api.answer = (500, b"")
    body["parent"]["status"] = status
    for client in (other, one, other):
        body["parent"]["status"] = client.post("/endpoint/sync", json=body).json["status"]
        assert body["parent"]["status"] == status


@pytest.mark.parametrize("variable", [name for name, one in SWITCHED.items() if one.of_pods])
def test_values_that_mean_nothing_stop_the_start(variable):
    def enabled(names, value):
        return observers({"AIM_OBSERVE": names, variable: value})

    assert enabled("pods", "false").keys() == enabled("pods", "true").keys() == {"/endpoint/sync"}
    with pytest.raises(ConfigError, match=f"{variable} must be true or false; it is yes"):
        enabled("pods", "yes")
    with pytest.raises(ConfigError, match=f"{variable}: .* of the pods that are observed, and AIM_OBSERVE has no pods"):
        enabled("prometheus", "true")
