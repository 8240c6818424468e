"""Live figures of endpoints, from simulated servers by way of a real Prometheus, which is stopped and started again."""

import time
from datetime import timedelta

import pytest

from aimlib.telemetry import live_metrics
from hooks.endpoint import report as endpoint_report
from hooks.server.observers import prometheus as observer
from tests.cluster.processes import running
from tests.e2e.hookserver import within
from tests.e2e.space import endpoint
from tests.monitoring.engines import ModelServer
from tests.monitoring.prometheus import scraping
from tests.monitoring.targets import endpoint_pod
from tests.monitoring.traffic import Traffic

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
PAST = 600
"""Seconds that the servers have been there, so that rates are right at once."""
ENGINES = {"chat": "vllm", "batch": "sglang"}


@pytest.fixture
def traffic():
    """What happens at each server; a test may change it."""
    return {"chat": Traffic(requests=3, running=5, cache=0.4), "batch": Traffic(requests=8, seconds=9, waiting=4)}


@pytest.fixture
def prometheus(space, traffic, tmp_path, request):
    """One that scrapes a server for each endpoint."""
    request.getfixturevalue("monitoring_programs")
    pods = [
        endpoint_pod(space.namespace, name, f"{name}-0", ModelServer(engine, MODEL, traffic[name]))
        for name, engine in ENGINES.items()
    ]
    with scraping(pods, tmp_path, past=PAST) as (started, _):
        yield started


@pytest.fixture
def measured(space, installation, prometheus, monkeypatch):
    """The namespace of a hook server that asks this Prometheus, where what is waited for takes a second or less."""
    monkeypatch.setattr(observer, "QUERY_INTERVAL", timedelta(seconds=0.5))
    monkeypatch.setattr(observer, "MAX_AGE", timedelta(seconds=2))
    monkeypatch.setattr(live_metrics, "HOLD_TIME", timedelta(seconds=0.5))
    monkeypatch.setattr(endpoint_report, "RESYNC_SECONDS", 1)
    with within(space.plane, installation, AIM_OBSERVE="prometheus", AIM_PROMETHEUS_URL=prometheus.url):
        spec = {"modelId": MODEL, "monitoring": {"enabled": True}}
        space.apply(*(endpoint(name, **spec, backend=engine) for name, engine in ENGINES.items()))
        space.apply(endpoint("unscraped", **spec), endpoint("unmonitored", modelId=MODEL))
        space.ready(*ENGINES, "unscraped", "unmonitored")
        yield space


def metrics(space, name):
    return space.get("aimendpoint", name)["status"].get("metrics", {})


def resource_version(space, name):
    return space.get("aimendpoint", name)["metadata"]["resourceVersion"]


def test_figures_follow_what_is_simulated_and_the_reason_what_becomes_of_prometheus(
    measured, traffic, prometheus, tmp_path
):
    space = measured
    for name, load in traffic.items():
        space.wait(f"figures of {name}", lambda name=name: "throughput" in metrics(space, name))
        told = metrics(space, name)
        assert "reason" not in told
        assert told["throughput"] == pytest.approx(load.requests, rel=0.15)
        assert told["tokensPerSecond"] == pytest.approx(load.requests * load.output_tokens, rel=0.15)
        assert told["latency"] == pytest.approx(load.seconds * 1000, rel=0.15)
        assert (told["requestsRunning"], told["requestsWaiting"]) == (load.running, load.waiting)
        assert told["kvCacheUtilization"] == pytest.approx(load.cache * 100)
    assert metrics(space, "unscraped")["reason"] == "NotScraped"
    assert metrics(space, "unmonitored") == {}
    head, row = space.kubectl("get", "aimendpoint", "chat", "--output=wide").splitlines()
    assert row[head.index("REQ/S") :].startswith(f"{metrics(space, 'chat')['throughput']} ")

    versions = {name: resource_version(space, name) for name in ENGINES}
    time.sleep(5)  # five looks
    assert {name: resource_version(space, name) for name in ENGINES} == versions
    traffic["chat"].waiting = 31
    space.wait("requests that wait", lambda: metrics(space, "chat").get("requestsWaiting") == 31)

    prometheus.process.stop()
    space.wait("a Prometheus that is missed", lambda: metrics(space, "chat").get("reason") == "NotAnswering")
    assert metrics(space, "chat")["message"] == "the query of Prometheus failed: no answer"
    assert "throughput" not in metrics(space, "chat")
    with running("prometheus", prometheus.process.popen.args, tmp_path):
        space.wait("figures again", lambda: metrics(space, "chat").get("requestsWaiting") == 31)
        assert "reason" not in metrics(space, "chat")
