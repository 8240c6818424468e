"""Every alert fires, is silent and ends as its cases say, in those words, and has a section that says what to do."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from aimlib.telemetry.gateway_records import gateway_records
from aimlib.telemetry.recording_rules import records, write_rules
from tests.cases import read
from tests.cluster.plane import ROOT
from tests.monitoring.targets import RULES

CASES = sorted((ROOT / "tests" / "testdata" / "alerts").glob("*.yaml"))
RUNBOOKS = "docs/operate/monitoring.md"
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(RULES[1].read_text())["groups"] for rule in group["rules"]}
OF_FIGURES = [name for name, rule in ALERTS.items() if re.search(r"\baim:(?!replicas_scraped|gateway_)", rule["expr"])]


@cache
def checks():
    """Each check of every case: the case's name and input, the alert's name, and what is to fire."""
    return [
        (case, check["alertname"], check["exp_alerts"])
        for path in CASES
        for case in read(path)["tests"]
        for check in case["alert_rule_test"]
    ]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_and_end_as_in_the_cases(monitoring_programs, path: Path):
    command = [monitoring_programs["promtool"], "test", "rules", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_are_as_promtool_wants_them(monitoring_programs, path: Path):
    command = [monitoring_programs["promtool"], "check", "rules", "--lint=all", "--lint-fatal", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_case_where_it_fires_and_one_where_it_is_silent_or_over(name: str):
    fired = [found for _, alert, found in checks() if alert == name]
    assert any(fired)
    firing = [place for place, found in enumerate(fired) if found]
    assert [] in fired[: firing[0]]
    assert [] in fired[firing[0] :]


@pytest.mark.parametrize("name", OF_FIGURES)
@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_an_alert_on_metrics_fires_for_every_engine(engine: str, name: str):
    titles = {case["name"] for case, alert, found in checks() if alert == name and found}
    assert [title for title in titles if title.startswith(engine)]


NAMES = re.compile(r"(?<![\w\"$])((?:aim|up)(?:[_:]\w+)*)(?=[{\[)\s]|$)", re.MULTILINE)
KNOWN = {"up", *(record.name for record in records())}
KNOWN |= {record.name for record in gateway_records()}
PAGES = [(ROOT / "docs" / "operate" / name).read_text() for name in ("metrics.md", "gateway-metrics.md")]
KNOWN |= {name for page in PAGES for name in re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_made_of_what_is_recorded_and_of_metrics_that_there_are(name: str):
    found = {re.sub("_(bucket|sum|count)$", "", one) for one in NAMES.findall(ALERTS[name]["expr"])}
    assert found
    assert found - KNOWN == set()


OF_STATE = {
    "AIMEndpointFailed",
    "AIMEndpointStuck",
    "AIMEndpointGPUsInsufficient",
    "AIMEndpointFallback",
    "AIMCacheFailing",
    "AIMRecipeInvalid",
}


def test_alerts_of_state_see_the_objects_that_they_are_about(monitored):
    monitored.prometheus.wait_for(lambda: monitored.prometheus.alerts() >= OF_STATE)


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_severity_a_summary_and_a_runbook(name: str):
    rule = ALERTS[name]
    assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"}, {"severity": "info"})
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    page, _, section_name = rule["annotations"]["runbook_url"].partition("#")
    assert re.fullmatch(rf"https://\S+/{RUNBOOKS}", page)
    assert section_name == name.lower()
    section = re.search(rf"^### {name}\n\n(.+?)(?=\n#|\Z)", (ROOT / RUNBOOKS).read_text(), re.MULTILINE | re.DOTALL)
    assert section
    assert len(section[1]) > 80


def test_the_page_of_the_runbooks_is_one_and_may_be_elsewhere(tmp_path):
    assert len({rule["annotations"]["runbook_url"].partition("#")[0] for rule in ALERTS.values()}) == 1
    (tmp_path / "rules").mkdir()
    copied = tmp_path / "rules" / "alerts.yaml"
    copied.write_text(RULES[1].read_text())
    write_rules(tmp_path, "https://wiki.example.com/aim")
    write_rules(tmp_path)
    for text in (copied.read_text(), (tmp_path / "prometheusrules.yaml").read_text()):
        assert text.count("runbook_url: https://wiki.example.com/aim#aim") == len(ALERTS) == text.count("runbook_url: ")
    for page in ("docs/page.md", "https://wiki.example.com/aim#here"):
        with pytest.raises(ValueError, match="is not the address of a page"):
            write_rules(tmp_path, page)


def test_the_runbooks_are_of_alerts_and_of_no_others():
    assert re.findall(r"^### (\w+)$", (ROOT / RUNBOOKS).read_text(), re.MULTILINE) == list(ALERTS)


def test_the_table_of_recorded_series_is_that_of_the_rules():
    rows = re.findall(r"^\| `(aim:[^`]+)` \| ([^|]+) \| ([^|]+) \|$", (ROOT / RUNBOOKS).read_text(), re.MULTILINE)
    assert rows == [(one.name, one.unit, one.meaning) for one in (*records(), *gateway_records())]
