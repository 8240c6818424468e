"""The scrape configuration that ships: that Prometheus takes it, and what it makes of what endpoints may say."""

import re
import subprocess

import pytest
import yaml

from tests.monitoring.engines import ModelServer
from tests.monitoring.prometheus import scraping
from tests.monitoring.targets import RULES, SCRAPE, endpoint_pod, shipped
from tests.monitoring.traffic import IDLE

INTERVALS = ["15s", "1m", "1m30s", "1h", "2h5m1s500ms", "250ms", "10s5ms"]
NOT_UNDERSTOOD = ["0s", "1s1m", "00m", "1m1m", "", "0h5m"]
"""All but the empty one are let in by the schema of an endpoint."""


def interval_rules():
    [job] = [one for one in shipped() if one["job_name"] == "aim-endpoints"]
    return [rule for rule in job["relabel_configs"] if rule.get("target_label", "").startswith("__scrape_")]


@pytest.mark.parametrize("text", INTERVALS)
def test_an_interval_that_prometheus_understands_is_used(text):
    assert [bool(re.fullmatch(rule["regex"], text)) for rule in interval_rules()] == [True, True]


@pytest.mark.parametrize("text", NOT_UNDERSTOOD)
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
