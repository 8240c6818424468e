"""What goes wrong with scraping: rules say nothing wrong of it, and what can be said is said."""

import shutil

import pytest

from tests.monitoring.engines import ModelServer
from tests.monitoring.pages import Fixed
from tests.monitoring.prometheus import scraping
from tests.monitoring.targets import endpoint_pod
from tests.monitoring.traffic import Traffic

HEALTHY, FAULTY = 'aimendpoint="healthy"', 'aimendpoint="faulty"'
GARBAGE = {
    "a web page": ("down", 200, b"<html><body>please log in</body></html>"),
    "another status": ("down", 503, b"starting"),
    "an answer that is cut off": ("down", 200, b'vllm:num_requests_running{model_name="m'),
    "numbers that are none": ("down", 200, b'vllm:num_requests_running{model_name="m"} lots\n'),
    "bytes, which end at the first that is zero": ("up", 200, bytes(range(256))),
    "metrics of something else": ("up", 200, b"go_goroutines 12\n"),
}
"""What is answered instead, and what Prometheus says of such a target."""


@pytest.fixture(scope="module")
def pair(monitoring_programs, tmp_path_factory):  # noqa: ARG001 - built first
    """A server that is well and one that breaks, and their Prometheus."""
    targets = [
        endpoint_pod("team-a", name, f"{name}-0", ModelServer("vllm", "some/model", Traffic()))
        for name in ("healthy", "faulty")
    ]
    with scraping(targets, tmp_path_factory.mktemp("faults")) as found:
        yield found


def well(prometheus):
    return all(rule["health"] == "ok" for rule in prometheus.rules())


@pytest.mark.parametrize("fault", GARBAGE)
def test_a_target_with_another_response_has_no_metrics_and_is_named(pair, fault):
    prometheus, servers = pair
    prometheus.wait_for(lambda: prometheus.query(f"aim:requests_running{{{FAULTY}}}"))
    health, *answer = GARBAGE[fault]
    servers["faulty-0"].broken = tuple(answer)
    try:
        prometheus.wait_for(lambda: not prometheus.query(f"aim:requests_running{{{FAULTY}}}"))
        prometheus.wait_for(lambda: prometheus.value(f"aim:replicas_scraped{{{FAULTY}}}") == 0)
        assert prometheus.value(f"aim:requests_running{{{HEALTHY}}}") == 8
        prometheus.wait_for(lambda: "AIMEndpointNotScraped" in prometheus.alerts())
        [target] = [one for one in prometheus.targets() if one["labels"]["aimendpoint"] == "faulty"]
        assert (target["health"], bool(target["lastError"])) == (health, health == "down")
        prometheus.wait_for(lambda: well(prometheus))
    finally:
        servers["faulty-0"].broken = None
    prometheus.wait_for(lambda: "AIMEndpointNotScraped" not in prometheus.alerts())


def test_a_page_of_another_program_makes_no_metrics_and_no_alert(monitoring_programs, tmp_path):  # noqa: ARG001 - built first
    page = Fixed(b"# TYPE other counter\nother 1\nhttp_requests_total 5\nvllm:num_requests_running NaN\n")
    with scraping([endpoint_pod("team-a", "odd", "odd-0", page)], tmp_path) as (prometheus, _):
        prometheus.wait_for(lambda: prometheus.query("aim:replicas_scraped"))
        prometheus.wait_for(lambda: well(prometheus))
        found = {one["metric"]["__name__"] for one in prometheus.query('{__name__=~"aim:.+"} >= 0')}
        assert found == {"aim:replicas_scraped"}
        assert prometheus.alerts() <= {"AIMHooksDown"}


def test_an_endpoint_that_changes_its_engine_has_one_figure_all_along(monitoring_programs, tmp_path):  # noqa: ARG001 - built first
    targets = [
        endpoint_pod("team-a", "chat", f"chat-{engine}", ModelServer(engine, "some/model", Traffic()))
        for engine in ("vllm", "sglang")
    ]
    with scraping(targets, tmp_path, past=300) as (prometheus, _):
        prometheus.wait_for(lambda: prometheus.query("aim:requests_running"))
        prometheus.wait_for(lambda: well(prometheus))
        assert prometheus.value("aim:requests_running") == 16
        assert prometheus.value("aim:requests:rate5m") == pytest.approx(4, rel=0.1)
        assert 3 < prometheus.value("aim:e2e_request_latency_seconds:p50_5m") < 5


def test_a_prometheus_that_was_down_continues_where_it_was(monitoring_programs, tmp_path):  # noqa: ARG001 - built first
    target = endpoint_pod("team-a", "chat", "chat-0", ModelServer("vllm", "some/model", Traffic()))
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    with scraping([target], first, past=300) as (prometheus, _):
        prometheus.wait_for(lambda: prometheus.query("aim:requests:rate5m"))
        prometheus.process.stop(grace_seconds=0)
    shutil.copytree(first / "data", second / "data", ignore=shutil.ignore_patterns("lock"))
    with scraping([target], second) as (prometheus, _):
        assert prometheus.value("aim:requests:rate5m") == pytest.approx(2, rel=0.1)
        prometheus.wait_for(lambda: well(prometheus))
