"""The figures of a status, asked of a real Prometheus that scrapes simulated servers, with the rules and without."""

from datetime import UTC, datetime

import pytest

from aimlib.protocol.metacontroller import parse_request
from aimlib.telemetry.live_metrics import current_metrics
from aimlib.telemetry.prometheus_query import RECORDED_ONLY, STATUS_METRICS, metrics_query, parse_response
from hooks.server.observers import prometheus as observer
from hooks.server.observers.prometheus import PrometheusObserver, Source
from tests.cases import TESTDATA, Case
from tests.monitoring.world import BATCH, CHAT, LEGACY, QUIET
from tests.playing import play

MEASURED = Case(TESTDATA / "endpoint" / "sync" / "live-figures-are-in-the-status")
REPLICAS = {CHAT: 2, BATCH: 1, LEGACY: 1}


@pytest.fixture
def said(monitored):
    """`said(place)`: what a first sync of that endpoint says of figures."""
    figures = PrometheusObserver(Source(monitored.prometheus.url))
    body = play(MEASURED.kind, MEASURED.hook, MEASURED.world).request

    def sync(place):
        namespace, name = place
        parent = {**body["parent"], "metadata": {**body["parent"]["metadata"], "namespace": namespace, "name": name}}
        now = datetime.now(UTC)
        return current_metrics(None, 1, figures(parse_request({**body, "parent": parent}, now)), now)

    return sync


@pytest.mark.parametrize("place", REPLICAS, ids=lambda place: place[1])
def test_the_metrics_are_those_of_the_traffic(monitored, said, place):
    load, found, replicas = monitored.world.traffic[place], said(place), REPLICAS[place]
    assert found.reason is None
    rate = load.requests * replicas
    assert found.throughput == pytest.approx(rate, rel=0.1)
    assert found.tokens_per_second == pytest.approx(rate * load.output_tokens * (1 - load.errors), rel=0.1)
    assert found.latency == pytest.approx(load.seconds * 1000, rel=0.1)
    assert load.seconds * 100 < found.time_to_first_token_p95 < load.seconds * 350
    assert found.requests_running == load.running * replicas
    assert found.requests_waiting == load.waiting * replicas
    assert found.kv_cache_utilization == pytest.approx(load.cache * 100)
    assert found.gpu_utilization == pytest.approx(load.gpu)


def test_an_endpoint_without_requests_has_no_latency(said):
    found = said(QUIET)
    assert (found.reason, found.throughput, found.requests_running) == ("NoTraffic", 0, 0)
    assert found.latency is found.time_to_first_token_p95 is None


def test_an_endpoint_that_is_not_scraped_has_no_metrics(said):
    assert said(("team-a", "unheard-of")).reason == "NotScraped"


def test_without_the_recording_rules_the_metrics_are_the_same(monitored):
    source = Source(monitored.prometheus.url)
    recorded = parse_response(observer.query_source(source, metrics_query()))
    bare = metrics_query().replace("(aim:", "(nobody:records:")
    raw = parse_response(observer.query_source(source, bare))
    assert set(REPLICAS) | {QUIET} <= recorded.keys()
    assert raw.keys() == recorded.keys()
    for place, figures in recorded.items():
        assert raw[place] == pytest.approx(
            {name: value for name, value in figures.items() if name not in RECORDED_ONLY}, rel=0.1
        )
    assert {name for figures in recorded.values() for name in figures} == {one.name for one in STATUS_METRICS}


def test_a_query_that_prometheus_refuses_is_unreadable(monitored):
    with pytest.raises(observer.PrometheusError, match="HTTP status 400"):
        observer.query_source(Source(monitored.prometheus.url), "sum by")
