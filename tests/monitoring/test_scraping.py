"""The scrape configuration that ships: that Prometheus takes it, and what it makes of what endpoints may say."""

import re
import subprocess

import pytest
import yaml

from aimlib.engines.gpu_exporters import exporters
from tests.cluster.plane import ROOT
from tests.files import TESTDATA
from tests.monitoring.engines import ModelServer
from tests.monitoring.pages import Fixed
from tests.monitoring.prometheus import scraping
from tests.monitoring.targets import RULES, SCRAPE, Target, endpoint_pod, gateway_pod, own_pod, shipped
from tests.monitoring.traffic import IDLE

INTERVALS = ["15s", "1m", "1m30s", "1h", "2h5m1s500ms", "1000ms", "10s5ms"]
NOT_UNDERSTOOD = ["0s", "1s1m", "00m", "1m1m", "", "0h5m"]
"""All but the empty one are let in by the schema of an endpoint."""
TOO_OFTEN = ["1ms", "999ms"]


def interval_rules():
    [job] = [one for one in shipped() if one["job_name"] == "aim-endpoints"]
    return [rule for rule in job["relabel_configs"] if rule.get("target_label", "").startswith("__scrape_")]


@pytest.mark.parametrize("text", INTERVALS)
def test_an_interval_that_prometheus_understands_is_used(text):
    assert [bool(re.fullmatch(rule["regex"], text)) for rule in interval_rules()] == [True, True]


@pytest.mark.parametrize("text", [*NOT_UNDERSTOOD, *TOO_OFTEN])
def test_another_is_not(text):
    assert [bool(re.fullmatch(rule["regex"], text)) for rule in interval_rules()] == [False, False]


def test_prometheus_scrapes_by_what_it_understands_and_else_as_usual(monitoring_programs, tmp_path):  # noqa: ARG001 - built first
    told = {"usual": {}, "own": {"interval": "1s500ms"}, "odd": {"interval": "0s"}, "mixed": {"interval": "1s1m"}}
    targets = [
        endpoint_pod("team-a", name, f"{name}-0", ModelServer("vllm", "some/model", IDLE), **annotations)
        for name, annotations in told.items()
    ]
    with scraping(targets, tmp_path) as (prometheus, _):
        found = {one["labels"]["aimendpoint"]: one["scrapeInterval"] for one in prometheus.targets()}
    assert found == {"usual": "500ms", "own": "1s500ms", "odd": "500ms", "mixed": "500ms"}


def test_the_file_is_taken_over_as_it_is(monitoring_programs, tmp_path):
    authority = tmp_path / "ca.crt"
    authority.touch()
    jobs = yaml.safe_load(SCRAPE.read_text())
    for one in jobs["scrape_configs"]:
        if "tls_config" in one:
            one["tls_config"]["ca_file"] = str(authority)
    (tmp_path / "scrape.yaml").write_text(yaml.safe_dump(jobs))
    config = {"scrape_config_files": ["scrape.yaml"], "rule_files": [str(path) for path in RULES]}
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    command = [monitoring_programs["promtool"], "check", "config", "--lint=all", tmp_path / "prometheus.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


ENGINES = {
    name
    for path in sorted((TESTDATA / "metrics").glob("*.yaml"))
    for name in yaml.safe_load(path.read_text(encoding="utf-8"))["metrics"]
}
OWN = {
    name
    for page in ("metrics.md", "gateway-metrics.md")
    for name in re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "operate" / page).read_text(), re.MULTILINE)
}
RECORDED = {
    rule["record"]
    for group in yaml.safe_load(RULES[0].read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
OTHERS = {name for name in OWN if name.startswith("aim")} | RECORDED | {"up", "ALERTS", "ALERTS_FOR_STATE"}
OTHERS |= {"metacontroller_sync_requests_total", *(one.utilization for one in exporters().values())}
"""Series of which rules, alerts and dashboards of the whole cluster are made."""


def stored(job, name):
    """Whether a series of a page of a job is stored."""
    [found] = [one for one in shipped() if one["job_name"] == job]
    [rule] = found["metric_relabel_configs"]
    assert rule["source_labels"] == ["__name__"]
    return (re.fullmatch(rule["regex"], name) is not None) is (rule["action"] == "keep")


def test_a_model_server_has_the_series_of_engines_and_none_that_others_have():
    assert ENGINES
    assert {name for name in ENGINES if not stored("aim-endpoints", name)} == set()
    assert {"aim_endpoint_info", "aim_node_usable", "aim_build_info", "aim_model_token_price"} <= OTHERS
    assert {name for name in OTHERS if stored("aim-endpoints", name)} == set()


def test_a_gateway_has_its_own_series_and_none_of_the_operators():
    own = {"aim_gateway_held_requests", "envoy_cluster_upstream_rq_active", "envoy_aim_gateway_prompt_tokens"}
    assert {name for name in own if not stored("aim-gateways", name)} == set()
    found = {name for name in OTHERS if stored("aim-gateways", name)}
    assert {name for name in found if not name.startswith("aim_gateway_")} == set()


FORGED = b"""\
aim_endpoint_info{model="a"} 1
aim_endpoint_info{model="b"} 1
aim_node_usable{aimnode="forged"} 1
aim_build_info 1
aim_model_token_price{model="some/model",kind="prompt"} 1000000
aim_endpoint_gpus 8
DCGM_FI_DEV_GPU_UTIL{namespace="team-b",pod="honest-0"} 100
envoy_cluster_upstream_rq_active{envoy_cluster_name="team-b/honest/a"} 1000
up{aimendpoint="x"} 1
up{aimendpoint="y"} 1
vllm:num_requests_running{model_name="m"} 7
"""
"""The page of a tenant who would speak for others, and break the queries of all."""


def test_pages_of_tenants_neither_speak_for_others_nor_break_a_rule(monitoring_programs, tmp_path):  # noqa: ARG001 - built first
    targets: list[Target] = [
        endpoint_pod("team-a", "hostile", "hostile-0", Fixed(FORGED)),
        gateway_pod("team-a", "hostile", "gateway-0", Fixed(FORGED)),
        endpoint_pod("team-b", "honest", "honest-0", ModelServer("vllm", "some/model", IDLE)),
        own_pod("aim-state-metrics", "http", Fixed(b"")),
    ]
    with scraping(targets, tmp_path) as (prometheus, _):
        prometheus.wait_for(lambda: prometheus.query('aim:requests_running{aimendpoint="hostile"}'))
        prometheus.wait_for(lambda: prometheus.query('envoy_cluster_upstream_rq_active{aimgateway="hostile"}'))
        prometheus.wait_for(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()))
        assert not prometheus.query('{__name__=~"aim_.+|DCGM.+"}')
        assert prometheus.query("count by (pod) (up)")
        assert not prometheus.query('up{exported_aimendpoint!=""}')
        assert not prometheus.query('up{aimgateway!="",aimendpoint!=""}')
