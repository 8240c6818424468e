"""The observer of live figures: whom it asks, how often, and what it makes of no answer."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from aimlib.config import ConfigError
from aimlib.naming import label_value
from aimlib.protocol.metacontroller import parse_request
from aimlib.telemetry.prometheus_query import metrics_query
from aimlib.telemetry.track_query import tracks_query
from hooks.jobs.certificates.issuing import issue_ca, issue_server
from hooks.observability.changes import detect_change
from hooks.server.app import create_app
from hooks.server.observers import prometheus as observer
from hooks.server.observers.prometheus import PrometheusObserver, Source, TrackObserver, read_source
from tests.cases import TESTDATA, Case
from tests.hooks.server.observers.fakeprometheus import fake_prometheus, vector
from tests.playing import play
from tests.world import NOON

MEASURED = Case(TESTDATA / "endpoint" / "sync" / "live-figures-are-in-the-status")
STARTING = Case(TESTDATA / "endpoint" / "sync" / "without-a-ready-replica-there-is-nothing-to-measure")
UNMONITORED = Case(TESTDATA / "endpoint" / "sync" / "without-monitoring-no-figures-are-asked-for")


@pytest.fixture
def prometheus():
    with fake_prometheus() as running:
        yield running


@pytest.fixture
def figures(prometheus):
    return PrometheusObserver(Source(f"http://{prometheus.address}"))


def asked(case=MEASURED, after=0.0, **metadata):
    """The request of a case, some seconds after noon."""
    body = play(case.kind, case.hook, case.world).request
    parent = {**body["parent"], "metadata": {**body["parent"]["metadata"], **metadata}}
    return parse_request({**body, "parent": parent}, NOON + timedelta(seconds=after))


def test_one_query_is_for_all_endpoints(prometheus, figures):
    found = figures(asked())
    assert found == (NOON, {"throughput": 12.0}, "")
    [one] = prometheus.asked
    assert one["path"] == "/api/v1/query"
    assert one["form"] == {"query": [metrics_query()], "timeout": ["2s"]}
    assert "Authorization" not in one["headers"]


def test_an_endpoint_is_found_by_its_label_and_its_namespace(prometheus, figures):
    prometheus.pieces = [vector({"throughput": 1}, endpoint=label_value("x" * 100))]
    assert figures(asked(name="x" * 100)).values == {"throughput": 1.0}
    assert figures(asked(name="x" * 99)).values == {}
    assert figures(asked(name="x" * 100, namespace="team-b")).values == {}
    assert len(prometheus.asked) == 1


@pytest.mark.parametrize("case", [STARTING, UNMONITORED], ids=str)
def test_nothing_is_queried_where_no_metrics_are_requested(prometheus, figures, case):
    assert figures(asked(case)) is None
    assert prometheus.asked == []


def test_one_question_serves_all_syncs_of_half_a_minute(prometheus, figures):
    for after in (0, 1, 29.9):
        assert figures(asked(after=after, name=f"chat{after}")).at == NOON
    assert len(prometheus.asked) == 1
    assert figures(asked(after=30)).at == NOON + timedelta(seconds=30)
    assert len(prometheus.asked) == 2
    figures(asked(after=-60))  # the clock was set back
    assert len(prometheus.asked) == 3


@pytest.mark.parametrize(
    ("code", "pieces", "words"),
    [
        (500, [b"out of memory"], "HTTP status 500"),
        (401, [b""], "HTTP status 401"),
        (302, [b""], "HTTP status 302"),
        (422, [b'{"status": "error", "error": "expression"}'], "HTTP status 422"),
        (200, [b"<html>Sign in</html>"], "a response that is not JSON"),
        (200, [b'{"status": "success", "data": {'], "a response that is not JSON"),
        (200, [b'{"status": "success"}'], "a response that is not that of an instant query"),
        (200, [b" " * 2**16] * 129, "an answer of more than 8 MiB"),
    ],
)
def test_an_unusable_response_is_reported_and_logged(prometheus, lines, code, pieces, words):
    prometheus.code, prometheus.pieces = code, pieces
    assert PrometheusObserver(Source(f"http://{prometheus.address}"))(asked()) == (NOON, {}, words)
    [line] = lines()
    assert (line["level"], line["message"], line["error"]) == ("warning", "metrics cannot be queried", words)
    assert line["url"] == f"http://{prometheus.address}"
    assert {one["path"] for one in prometheus.asked} == {"/api/v1/query"}


def test_a_response_without_metrics_is_valid(prometheus, figures):
    prometheus.pieces = [vector({})]
    assert figures(asked()) == (NOON, {}, "")


def test_a_prometheus_that_does_not_respond_costs_one_timeout_and_not_one_per_sync(
    prometheus, figures, monkeypatch, lines
):
    monkeypatch.setattr(observer, "QUERY_TIMEOUT_SECONDS", 0.2)
    prometheus.go.clear()
    for after in range(30):
        assert figures(asked(after=after, name=f"chat{after}")).error == "no answer"
    assert len(prometheus.asked) == 1  # nobody else waited for it
    assert "timed out" in lines()[0]["error"]


def test_an_answer_that_drips_is_not_read_to_its_end(prometheus, figures, monkeypatch):
    monkeypatch.setattr(observer, "QUERY_TIMEOUT_SECONDS", 0.3)
    prometheus.pause, prometheus.pieces = 0.05, [b" "] * 200
    assert figures(asked()).error == "an answer that did not end in time"


def test_a_refused_connection_is_no_answer(prometheus, figures, lines):
    prometheus.server_close()
    prometheus.shutdown()
    assert figures(asked()) == (NOON, {}, "no answer")
    assert "refused" in lines()[0]["error"]


def test_metrics_outlive_their_prometheus_for_a_while(prometheus, figures):
    figures(asked())
    prometheus.code = 503
    for after in (30, 60, 89):
        assert figures(asked(after=after)) == (NOON, {"throughput": 12.0}, "")
    assert len(prometheus.asked) == 3  # at 0, 30 and 60
    gone = NOON + timedelta(seconds=90)
    assert figures(asked(after=90)) == (gone, {}, "HTTP status 503")
    later = NOON + timedelta(seconds=120)
    assert figures(asked(after=120)) == (later, {}, "HTTP status 503")
    prometheus.code = 200
    back = NOON + timedelta(seconds=150)
    assert figures(asked(after=150)) == (back, {"throughput": 12.0}, "")


def test_while_one_sync_queries_the_others_use_the_former_result(prometheus, figures):
    figures(asked())
    prometheus.go.clear()
    found = []
    slow = threading.Thread(target=lambda: found.append(figures(asked(after=31)).at))
    slow.start()
    while len(prometheus.asked) < 2:
        time.sleep(0.01)
    assert figures(asked(after=31)).at == NOON
    prometheus.go.set()
    slow.join()
    assert found == [NOON + timedelta(seconds=31)]


def test_syncs_without_a_result_wait_for_the_one_that_queries(prometheus, figures):
    prometheus.go.clear()
    found = []
    threads = [threading.Thread(target=lambda: found.append(figures(asked()).values)) for _ in range(8)]
    for thread in threads:
        thread.start()
    while not prometheus.asked:
        time.sleep(0.01)
    prometheus.go.set()
    for thread in threads:
        thread.join()
    assert found == [{"throughput": 12.0}] * 8
    assert len(prometheus.asked) == 1


TRIED = Case(TESTDATA / "endpoint" / "sync" / "a-canary-waits-for-whom-promotes-it-by-hand")


def test_both_versions_are_asked_for_while_one_is_tried(prometheus):
    labels = {"namespace": "team-a", "aimendpoint": "chat", "track": "b", "figure": "requests"}
    result = [{"metric": labels, "value": [0, "2"]}]
    prometheus.pieces = [json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()]
    figures = TrackObserver(Source(f"http://{prometheus.address}"))
    assert figures(asked()) is None
    assert figures(asked(TRIED)) == {"b": {"requests": 600.0}}
    assert figures(asked(TRIED, name="other")) == {}
    [one] = prometheus.asked
    assert one["form"]["query"] == [tracks_query()]


@pytest.fixture
def certified(tmp_path):
    """A Prometheus behind TLS, whose authority is in `ca.crt`."""
    now = datetime.now(UTC)
    ca = issue_ca(now)
    own = issue_server(ca, frozenset({"127.0.0.1"}), now)
    (tmp_path / "ca.crt").write_text(ca.certificate.text)
    (tmp_path / "tls.pem").write_text(own.certificate.text + own.key)
    with fake_prometheus(str(tmp_path / "tls.pem")) as running:
        yield running


def test_a_token_is_sent_to_a_server_that_the_ca_signed_and_read_for_every_query(certified, tmp_path):
    (tmp_path / "token").write_text("first\n")
    files = {"ca_file": str(tmp_path / "ca.crt"), "token_file": str(tmp_path / "token")}
    figures = PrometheusObserver(Source(f"https://{certified.address}/prefix", **files))
    assert figures(asked()).values == {"throughput": 12.0}
    (tmp_path / "token").write_text("second")
    figures(asked(after=30))
    assert [one["headers"]["Authorization"] for one in certified.asked] == ["Bearer first", "Bearer second"]
    assert {one["path"] for one in certified.asked} == {"/prefix/api/v1/query"}


def test_a_server_that_the_ca_did_not_sign_is_not_queried(certified, tmp_path, lines):
    (tmp_path / "token").write_text("first")
    (tmp_path / "other.crt").write_text(issue_ca(datetime.now(UTC)).certificate.text)
    for ca in (str(tmp_path / "other.crt"), None, str(tmp_path / "none.crt")):
        figures = PrometheusObserver(Source(f"https://{certified.address}", ca, str(tmp_path / "token")))
        assert figures(asked()).error == "no answer"
    assert certified.asked == []
    assert "CERTIFICATE_VERIFY_FAILED" in lines()[0]["error"]


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"se cret", "no token in the file of AIM_PROMETHEUS_TOKEN_FILE"),
        (b"", "no token in the file of AIM_PROMETHEUS_TOKEN_FILE"),
        (b"\xff\xfesecret", "no token in the file of AIM_PROMETHEUS_TOKEN_FILE"),
        (None, "no answer"),
    ],
)
def test_an_invalid_token_is_neither_sent_nor_logged(certified, tmp_path, lines, content, trouble):
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    ours = Source(f"https://{certified.address}", str(tmp_path / "ca.crt"), str(tmp_path / "token"))
    assert PrometheusObserver(ours)(asked()).error == trouble
    assert certified.asked == []
    assert "cret" not in str(lines())


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", "empty"),
        ("prometheus:9090", "prometheus:9090"),
        ("ftp://prometheus", "ftp://prometheus"),
        ("http://", "http://"),
        ("http://me:hunter2@prometheus:9090", "http://…@prometheus:9090"),
        ("http://prometheus:9090/?q=1", "http://prometheus:9090/?q=1"),
        ("http://prometheus:9090/#a", "http://prometheus:9090/#a"),
        ("http://pro metheus", "http://pro metheus"),
    ],
)
def test_an_invalid_url_stops_the_start(url, found):
    with pytest.raises(ConfigError) as raised:
        read_source({"AIM_PROMETHEUS_URL": url})
    expected = "must be http(s)://host[:port][/prefix] where AIM_OBSERVE has prometheus"
    assert str(raised.value) == f"AIM_PROMETHEUS_URL {expected}; it is {found}"


def test_a_token_over_http_stops_the_start():
    given = {"AIM_PROMETHEUS_URL": "http://prometheus:9090", "AIM_PROMETHEUS_TOKEN_FILE": "/token"}
    with pytest.raises(
        ConfigError, match="a token is sent over https only, and AIM_PROMETHEUS_URL is http://prometheus:9090"
    ):
        read_source(given)


def test_the_environment_configures_the_source():
    given = {
        "AIM_PROMETHEUS_URL": "HTTPS://thanos.example:9091/",
        "AIM_PROMETHEUS_CA_FILE": "/ca.crt",
        "AIM_PROMETHEUS_TOKEN_FILE": "/token",
    }
    with pytest.raises(ConfigError):
        read_source(given)
    given["AIM_PROMETHEUS_URL"] = given["AIM_PROMETHEUS_URL"].lower()
    assert read_source(given) == Source("https://thanos.example:9091", "/ca.crt", "/token")
    assert read_source({"AIM_PROMETHEUS_URL": "http://p"}) == Source("http://p")


def serve(monkeypatch, prometheus, observe):
    monkeypatch.setenv("AIM_OBSERVE", observe)
    monkeypatch.setenv("AIM_PROMETHEUS_URL", f"http://{prometheus.address}")
    return create_app().test_client()


def test_the_server_reports_metrics_and_requests_a_resync(prometheus, monkeypatch):
    body = play(MEASURED.kind, MEASURED.hook, MEASURED.world).request
    client = serve(monkeypatch, prometheus, "prometheus")
    said = client.post("/endpoint/sync", json=body).json
    assert said["status"]["metrics"]["throughput"] == 12
    assert said["resyncAfterSeconds"] == 60
    counted = client.get("/metrics").text
    assert 'aim_observer_requests_total{result="succeeded",target="prometheus"}' in counted
    assert detect_change(parse_request(body), said["status"]) is None


def test_without_the_observer_the_status_has_the_reason_and_no_resync_is_requested(prometheus, monkeypatch):
    body = play(MEASURED.kind, MEASURED.hook, MEASURED.world).request
    said = serve(monkeypatch, prometheus, "").post("/endpoint/sync", json=body).json
    assert said["status"]["metrics"]["reason"] == "NotConfigured"
    assert "resyncAfterSeconds" not in said
    assert prometheus.asked == []


def test_an_invalid_spec_has_the_response_of_the_hook(prometheus, monkeypatch):
    body = play(MEASURED.kind, MEASURED.hook, MEASURED.world).request
    body["parent"]["spec"]["monitoring"] = {"prometheus": {"path": "x"}}
    answers = [
        serve(monkeypatch, prometheus, observe).post("/endpoint/sync", json=body) for observe in ("prometheus", "")
    ]
    assert [one.json["status"]["conditions"][0]["reason"] for one in answers] == ["SpecInvalid", "SpecInvalid"]
    assert timeless(answers[0].json) == timeless(answers[1].json)


def timeless(answer):
    """An answer without the times of its conditions: two requests may be of two seconds."""
    conditions = answer["status"]["conditions"]
    status = {**answer["status"], "conditions": [{**one, "lastTransitionTime": None} for one in conditions]}
    return {**answer, "status": status}
