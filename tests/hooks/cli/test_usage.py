"""`aim usage`: from Prometheus, from pods, and what is stated of either."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest
import yaml

from aimlib.telemetry.usage_query import parse_usage, usage_query
from hooks.cli import clock
from hooks.cli.errors import CommandError
from hooks.cli.usage import used_by_pods
from tests.hooks.cli.commandline import on_terminal
from tests.hooks.cli.standin_cluster import READY, RESOLVED, StandInCluster, stored

NOW = 1_767_225_600.0  # 2026-01-01
GROUP = "/apis/aim.engine.amd.com/v1alpha1"
PROXY = "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query"


def series(figure, value, endpoint="it", namespace="team"):
    return {"metric": {"namespace": namespace, "aimendpoint": endpoint, "figure": figure}, "value": [NOW, str(value)]}


def answer(*found):
    return {"status": "success", "data": {"resultType": "vector", "result": [*found]}}


WHOLE = answer(
    series("promptTokens", 1_000_000),
    series("generatedTokens", 250_000.4),
    series("generatedTokens", 7, "it_b"),
    series("replicaHours", 24),
    series("gpuHours", 48.123),
    series("gpuHours", 4, "gone"),
)


def running(endpoint="it", start="2025-12-31T12:00:00Z", phase="Running"):
    labels = {"aim.engine.amd.com/endpoint": endpoint}
    return {"metadata": {"namespace": "team", "labels": labels}, "status": {"phase": phase, "startTime": start}}


class Cluster(StandInCluster):
    more = ""

    def __init__(self, *endpoints, found=WHOLE, pods=()):
        super().__init__(*endpoints)
        self.answer, self.its_pods, self.asked = found, pods, []

    def read(self, path, query=None):
        self.asked.append((path, query))
        if path.endswith("/aimendpoints"):
            return {"items": self.endpoints()}
        if "/pods?" in path:
            return {"metadata": {"continue": self.more}, "items": [*self.its_pods]}
        assert path == PROXY
        return self.answer


ENDPOINTS = (
    stored(),
    stored("other", {**READY, "resolved": {**RESOLVED, "gpuCount": 1}, "replicas": {"desired": 1}}),
    stored("new", {}),
)


@pytest.fixture
def on(aim_on, monkeypatch):
    monkeypatch.setattr(clock, "unix_seconds", lambda: NOW)
    return lambda standin, *words: aim_on(standin, "usage", *words)


def test_prometheus_has_hours_and_tokens_of_endpoints_that_are_gone_too(on):
    done = on(Cluster(*ENDPOINTS), "--prometheus", "monitoring/prometheus:9090", "-o", "json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["items"] == [
        {
            "namespace": "team",
            "model": "",
            "hardware": "",
            "gpus": 0,
            "gpuHours": 0.0,
        },
        {"namespace": "team", "model": "(AIMEndpoint gone, deleted)", "hardware": "", "gpuHours": 4.0},
        {
            "namespace": "team",
            "model": "example/model",
            "hardware": "MI300X",
            "gpus": 2,
            "gpuHours": 48.12,
            "promptTokens": 1000000,
            "generatedTokens": 250007,
        },
    ]
    assert done.stderr == ""


def test_a_table_has_what_is_known(on):
    standin = Cluster(stored(), found=answer(series("replicaHours", 10)))
    done = on(standin, "--prometheus", "monitoring/prometheus:9090", "--since", "7d", "-n", "team")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["NAMESPACE", "MODEL", "HARDWARE", "GPUS", "GPU", "HOURS", "TOKENS", "IN", "TOKENS", "OUT"],
        ["team", "example/model", "MI300X", "2", "20.0", "-", "-"],
    ]
    assert "since there is no kube-state-metrics" in done.stderr
    (listed, _), (_, query) = standin.asked
    assert listed == f"{GROUP}/namespaces/team/aimendpoints"
    assert query == {"query": usage_query(7 * 86400, "team")}


def test_without_prometheus_it_is_the_pods_that_run_and_that_is_stated(on):
    pods = [
        running(),
        running(start="2025-12-01T00:00:00Z"),
        running("it_b", "2025-12-31T23:00:00Z"),
        running(phase="Failed"),
    ]
    done = on(Cluster(*ENDPOINTS, pods=pods), "-o", "yaml")
    rows = {one["model"]: one for one in yaml.safe_load(done.stdout)["items"]}
    assert rows["example/model"]["gpuHours"] == 2 * (12 + 24 + 1)
    assert "promptTokens" not in rows["example/model"]
    assert "within the last 1d: pods that ended are not counted, and tokens are not known" in done.stderr
    standin = Cluster(*ENDPOINTS, pods=pods)
    standin.more = "x"
    assert "there are more pods than the 5000 that were counted" in on(standin).stderr
    assert used_by_pods([running(start=None), running(start="2027-01-01T00:00:00Z")], 60, NOW) == {
        ("team", "it"): {"replicaHours": 0.0}
    }


def test_the_query_counts_both_engines_and_is_of_one_namespace_where_stated():
    query = usage_query(3600)
    assert 'increase(vllm:generation_tokens_total{aimendpoint!=""}[3600s])' in query
    assert 'increase(sglang:generation_tokens_total{aimendpoint!=""}[3600s])' in query
    assert 'aimendpoint!="",namespace="team"' in usage_query(60, "team")
    assert parse_usage([1, series("gpuHours", "NaN"), {"metric": {}, "value": [1, "2"]}]) == {}


@pytest.mark.parametrize(
    ("place", "found", "code", "said"),
    [
        ("prometheus", None, 2, "--prometheus is a URL such as http://localhost:9090"),
        ("http://user@host", None, 2, "--prometheus is a URL"),
        ("monitoring/prometheus:9090", {}, 1, "returned a response that is not that of an instant query"),
        ("http://127.0.0.1:1", None, 1, "http://127.0.0.1:1/api/v1/query cannot be reached"),
    ],
)
def test_no_response_is_a_sentence(on, place, found, code, said):
    done = on(Cluster(found=found), "--prometheus", place)
    assert done.exit_code == code
    assert said in done.stderr
    assert CommandError.__name__ not in done.stderr


class _Prometheus(BaseHTTPRequestHandler):
    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.queries += form["query"]
        body = json.dumps(WHOLE).encode()
        self.send_response(self.server.code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), _Prometheus) as found:
        found.queries, found.code = [], 200
        Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield found
        found.shutdown()


def test_a_url_is_asked_directly(on, server):
    url = f"http://127.0.0.1:{server.server_port}/"
    done = on(Cluster(*ENDPOINTS), "--prometheus", url)
    assert "1,000,000" in done.stdout
    assert server.queries == [usage_query(86400)]
    server.code = 503
    failed = on(Cluster(*ENDPOINTS), "--prometheus", url)
    assert (failed.exit_code, failed.stderr) == (1, f"Error: {url}api/v1/query returned 503\n")


def test_no_cluster_is_a_sentence():
    shown = on_terminal("usage", "--kubeconfig", "/nowhere", NO_COLOR="1")
    assert shown == "Error: --kubeconfig /nowhere: there is no such file\n"
