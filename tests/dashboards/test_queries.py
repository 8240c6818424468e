"""Every query of every dashboard, asked of a real Prometheus over the simulated cluster: none is empty."""

import json
import math
import subprocess

import pytest
import yaml

from tests.dashboards.__main__ import FOLDER, files
from tests.dashboards.grafana import LEGEND, interpolated, read, targets, values_of, variables
from tests.dashboards.shown import soon
from tests.dashboards.state import WORLDS, played
from tests.dashboards.words import NONE
from tests.kustomize import ROOT, build

SHIPPED = {path.name: read(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
ALL = {"namespace": (), "aimcache": (), "aimgateway": ()}
CHAT = {"namespace": "team-a", "aimendpoint": "chat"}
BATCH = {"namespace": "team-b", "aimendpoint": "batch"}


def asked(name):
    """The values that are chosen for a dashboard."""
    return BATCH if name == "aim-endpoint.json" else ALL


def own(name):
    """The dashboard that the hook makes for an endpoint of the simulated cluster."""
    children = played("endpoint", name, WORLDS["endpoints"][name]).answer.said["children"]
    [found] = [
        one for one in children if one["kind"] == "ConfigMap" and "grafana_dashboard" in one["metadata"]["labels"]
    ]
    [text] = found["data"].values()
    return json.loads(text)


QUERIES = [(one, asked(name)) for name, board in SHIPPED.items() for one in targets(board)]
OWN = [(one, {}) for name in ("team-a/chat", "team-b/batch") for one in targets(own(name))]


def found(prometheus, expr, over_time):
    """The labels and the last value of each series."""
    series = prometheus.query_range(expr, 120) if over_time else prometheus.query(expr)
    return [(one["metric"], float((one["values"][-1] if over_time else one["value"])[1])) for one in series]


def test_the_files_are_those_that_the_tables_make():
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == files()


def test_grafanas_sidecar_finds_each_in_a_config_map():
    made = build(ROOT / "manifests" / "overlays" / "dashboards")
    assert {one["kind"] for one in made} == {"ConfigMap"}
    assert {tuple(one["metadata"]["labels"].items()) for one in made} == {(("grafana_dashboard", "1"),)}
    assert {name: text for one in made for name, text in one["data"].items()} == files()


@pytest.mark.parametrize(("query", "chosen"), QUERIES + OWN, ids=lambda one: str(one) if isinstance(one, tuple) else "")
def test_a_query_is_not_empty_and_has_what_its_legend_says(prometheus, query, chosen):
    expr = interpolated(query.expr, chosen).removesuffix(NONE)  # a 0 for nothing must not hide that there is nothing
    series = soon(prometheus, lambda: found(prometheus, expr, query.over_time), bool)
    assert series, expr
    assert any(not math.isnan(value) for _, value in series), expr
    wanted = set(LEGEND.findall(query.legend))
    assert all(wanted <= set(labels) for labels, _ in series), (expr, series)
    shown = {label for labels, _ in series for label in labels}
    assert set(query.columns) <= shown or len(query.columns) == 0, (expr, shown)
    names = [tuple(labels.get(label, "") for label in wanted or labels) for labels, _ in series]
    assert len(names) == len(set(names)), f"series with the same name: {names}"


def test_an_endpoint_on_the_other_engine_that_is_well_lacks_nothing_but_alerts_and_a_target(prometheus):
    empty = {
        one.legend or one.panel
        for one in targets(SHIPPED["aim-endpoint.json"])
        if not found(prometheus, interpolated(one.expr, CHAT), one.over_time)
    }
    assert empty <= {"Alerts that fire", "target"}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_variable_has_values(prometheus, name):
    for variable in variables(SHIPPED[name]):
        label, series = values_of(variable, asked(name))
        values = {labels[label] for labels, _ in found(prometheus, f"group by ({label}) ({series})", over_time=False)}
        assert len(values) > 1 or (label, values) == ("aimcache", {"models"})


def test_every_expression_is_parsed_by_promtool(monitoring_programs, tmp_path):
    exprs = [interpolated(one.expr, chosen) for one, chosen in QUERIES + OWN]
    rules = [{"record": f"a:query:{number}", "expr": expr} for number, expr in enumerate(exprs)]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    command = [monitoring_programs["promtool"], "check", "rules", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{len(rules)} rules found" in done.stdout


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"namespace": ()}, 'up{namespace=~".*"}'),
        ({"namespace": ["a", "b.c"]}, 'up{namespace=~"(a|b\\\\.c)"}'),
        ({"namespace": 'a"b'}, 'up{namespace=~"a\\"b"}'),
    ],
)
def test_values_are_put_into_queries_as_grafana_does(chosen, expected):
    assert interpolated('up{namespace=~"$namespace"}', chosen) == expected
    assert interpolated('up{namespace=~"${namespace}"}', chosen) == expected
