"""The table of metric names says what the published packages say, and the rules are made from it alone."""

import re
from pathlib import Path

import pytest
import yaml

from aimlib.engines.catalogue import EngineMetrics, engines
from aimlib.engines.gpu_exporters import exporters
from aimlib.telemetry.recording_rules import records, rule_files, track_records
from tests.cases import read
from tests.kustomize import ROOT

PUBLISHED = ROOT / "tests" / "testdata" / "metrics"
MONITORING = ROOT / "manifests" / "components" / "monitoring"
MADE = list(rule_files(yaml.safe_load((MONITORING / "rules" / "alerts.yaml").read_text())))
GAUGES = {"running", "waiting", "cache_usage"}
COUNTERS = {"requests", "answers", "server_errors", "prompt_tokens", "generation_tokens"}
COUNTERS |= {"preemptions", "prefix_queries", "prefix_hits"}
TYPES = {
    name: "gauge" if name in GAUGES else "counter" if name in COUNTERS else "histogram"
    for name in EngineMetrics.model_fields
}


def published(engine):
    return read(PUBLISHED / f"{engine.name}-{engine.version}.yaml")["metrics"]


@pytest.mark.parametrize("key", EngineMetrics.model_fields)
@pytest.mark.parametrize("engine", engines(), ids=lambda engine: engine.name)
def test_a_name_is_one_that_the_engine_of_that_version_exports(engine, key):
    name, _, labels = getattr(engine.metrics, key).removesuffix("}").partition("{")
    found = published(engine)[name]
    assert found["type"] == TYPES[key]
    assert set(re.findall(r"(\w+)=", labels)) <= set(found["labels"])


@pytest.mark.parametrize("engine", engines(), ids=lambda engine: engine.name)
def test_a_former_name_is_gone_and_has_a_new_one(engine):
    former = engine.former_metrics.model_dump(exclude_none=True)
    assert set(former.values()) & set(published(engine)) == set()
    assert set(former) <= set(EngineMetrics.model_fields)


def test_there_is_a_page_of_every_engine_and_of_no_other():
    expected = {f"{engine.name}-{engine.version}.yaml" for engine in engines()}
    assert {path.name for path in PUBLISHED.iterdir()} == expected


@pytest.mark.parametrize("engine", engines(), ids=lambda engine: engine.name)
def test_every_name_of_the_table_is_in_a_rule(engine):
    rules = "\n".join(record.expr for record in records())
    names = [*engine.metrics.model_dump().values(), *engine.former_metrics.model_dump(exclude_none=True).values()]
    bare = {name.partition("{")[0] for name in names} | {one.utilization for one in exporters().values()}
    assert {name for name in bare if name not in rules} == set()


def test_no_two_records_have_one_name_and_all_are_of_endpoints():
    found = [*records(), *track_records()]
    assert len({record.name for record in found}) == len(found)
    for record in found:
        assert re.fullmatch(r"aim:[a-z0-9_]+(:[a-z0-9_]+)?", record.name)
        assert "by (namespace, aimendpoint" in record.expr
        selectors = re.findall(r"\w\{([^}]*)\}", record.expr)
        assert [one for one in selectors if 'aimendpoint!=""' not in one and "pod" not in one] == []


@pytest.mark.parametrize(("name", "text"), MADE)
def test_the_files_of_rules_are_what_make_rules_writes(name: str, text: str):
    assert Path(MONITORING / name).read_text() == text, "run `make rules`"
