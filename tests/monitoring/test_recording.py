"""What the recording rules make of what simulated servers say, in a real Prometheus."""

import subprocess
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aimlib.engines.catalogue import engines
from aimlib.telemetry.recording_rules import records
from aimlib.telemetry.usage_query import parse_usage, usage_query
from tests.monitoring.conftest import PAST
from tests.monitoring.engines import ModelServer
from tests.monitoring.pages import served
from tests.monitoring.traffic import Traffic
from tests.monitoring.world import BATCH, CHAT, ENDPOINTS, LEGACY, QUIET

SERVING = (CHAT, BATCH, LEGACY)


def of(place):
    return f'{{namespace="{place[0]}",aimendpoint="{place[1]}"}}'


@pytest.mark.parametrize("former", [False, True])
@pytest.mark.parametrize("engine", [engine.name for engine in engines()])
def test_a_simulated_page_is_one_that_prometheus_reads(monitoring_programs, engine, former):
    server = ModelServer(engine, "some/model", Traffic(), former=former)
    server.advance(60)
    families = list(text_string_to_metric_families(server.page().decode()))
    assert len(families) > 9
    command = [monitoring_programs["promtool"], "check", "metrics"]
    done = subprocess.run(command, input=server.page(), capture_output=True, check=False)
    # The colon is the engines' own way, and so are the ends of these names.
    known = ("should not contain ':'", "should be used for", "non-histogram", "base unit", "_total")
    assert [line for line in done.stderr.decode().splitlines() if not any(one in line for one in known)] == []


def test_a_page_moves_with_time_and_traffic():
    server = ModelServer("vllm", "some/model", Traffic(requests=2.5, errors=0.2))
    server.advance(100)
    text = server.page().decode()
    counted = {
        sample.labels["status"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "http_requests_total"
    }
    assert sum(counted.values()) == 250
    assert 30 < counted["5xx"] < 70


def test_a_page_is_served_and_may_break():
    with served(ModelServer("sglang", "some/model", Traffic())) as server:
        assert server.answer()[0] == 200
        server.broken = (503, b"no")
        assert server.answer() == (503, b"no")


def test_every_rule_is_evaluated_without_an_error(monitored):
    monitored.prometheus.wait_for(lambda: all(rule["health"] == "ok" for rule in monitored.prometheus.rules()))
    assert {rule["name"] for rule in monitored.prometheus.rules()} >= {record.name for record in records()}


def test_pages_are_scraped_under_the_labels_of_the_shipped_configuration(monitored):
    targets = {one["labels"].get("pod") or one["labels"]["job"]: one for one in monitored.prometheus.targets()}
    assert {one["health"] for one in targets.values()} == {"up"}
    chat = targets["chat-0"]["labels"]
    assert {name: chat[name] for name in ("namespace", "aimendpoint", "job")} == {
        "namespace": "team-a",
        "aimendpoint": "chat",
        "job": "aim-endpoints",
    }
    assert "aim-state-metrics" in targets


def test_what_endpoints_used_is_counted(monitored):
    found = parse_usage(monitored.prometheus.query(usage_query(PAST)))
    for place in SERVING:
        assert found[place]["generatedTokens"] > 0
        assert found[place]["promptTokens"] > 0
        assert 0 < found[place]["replicaHours"] <= 4 * PAST / 3600
    assert any("gpuHours" in figures for figures in found.values())
    assert set(parse_usage(monitored.prometheus.query(usage_query(PAST, CHAT[0])))) == {
        place for place in found if place[0] == CHAT[0]
    }


@pytest.mark.parametrize("record", list(records()), ids=lambda record: record.name)
def test_every_recorded_series_is_there_for_every_engine(monitored, record):
    found = {}

    def recorded():
        series = monitored.prometheus.query(record.name)
        places = [(one["metric"]["namespace"], one["metric"]["aimendpoint"]) for one in series]
        found.update({place: float(one["value"][1]) for place, one in zip(places, series, strict=True)})
        return set(SERVING) <= set(found)

    monitored.prometheus.wait_for(recorded)
    assert set(found) <= set(ENDPOINTS)
    assert all(value == value and value >= 0 for value in found.values())  # noqa: PLR0124 - NaN is not itself


def test_the_metrics_are_those_of_the_traffic(monitored):
    ask = monitored.prometheus.value
    for place, replicas in ((CHAT, 2), (BATCH, 1), (LEGACY, 1)):
        load, where = monitored.world.traffic[place], of(place)
        rate = load.requests * replicas
        assert ask(f"aim:requests:rate5m{where}") == pytest.approx(rate, rel=0.1)
        tokens = rate * load.output_tokens * (1 - load.errors)
        assert ask(f"aim:generation_tokens:rate5m{where}") == pytest.approx(tokens, rel=0.1)
        assert ask(f"aim:requests_running{where}") == load.running * replicas
        assert ask(f"aim:requests_waiting{where}") == load.waiting * replicas
        assert ask(f"aim:kv_cache_usage:ratio{where}") == pytest.approx(load.cache)
        assert ask(f"aim:prefix_cache_hits:ratio5m{where}") == pytest.approx(load.known, rel=0.05)
        assert ask(f"aim:preemptions:rate5m{where}") == pytest.approx(rate * load.preempted, rel=0.2)
        assert ask(f"aim:gpu_utilization:ratio{where}") == pytest.approx(load.gpu / 100)
        assert ask(f"aim:e2e_request_latency_seconds:mean5m{where}") == pytest.approx(load.seconds, rel=0.1)
        p50, p95 = (ask(f"aim:e2e_request_latency_seconds:p{part}_5m{where}") for part in (50, 95))
        assert load.seconds * 0.7 < p50 < load.seconds * 1.2 < p95 < load.seconds * 3.5
        assert ask(f"aim:request_errors:ratio5m{where}") == pytest.approx(load.errors, abs=0.015)
        assert ask(f"aim:replicas_scraped{where}") == replicas


def test_an_engine_without_requests_has_no_latency_and_no_share_of_errors(monitored):
    # SGLang's counters of tokens are not there either, until something is counted.
    names = {
        one["metric"]["__name__"]
        for one in monitored.prometheus.query(f'{{__name__=~"aim:.+",aimendpoint="{QUIET[1]}"}}')
    }
    assert names == {
        "aim:replicas_scraped",
        "aim:requests:rate5m",
        "aim:requests_running",
        "aim:requests_waiting",
        "aim:requests_in_flight",
        "aim:kv_cache_usage:ratio",
        "aim:preemptions:rate5m",
        "aim:gpu_utilization:ratio",
        "aim:track_answers:rate5m",
        "aim:track_errors:rate5m",
    }


def test_the_past_and_the_present_are_one_series(monitored):
    began = time.time() - 600
    series = monitored.prometheus.query_range(f"aim:requests:rate5m{of(CHAT)}", 600)
    assert len(series) == 1
    assert len([moment for moment, _ in series[0]["values"] if moment >= began]) > 35
