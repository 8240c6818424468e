"""The bench measures what happens in life: its bodies are settled, and its report says what was found."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from aimlib.config import Config
from hooks.endpoint import hook as endpoint
from hooks.endpoint.world import RECIPES
from hooks.server.app import call_hook
from tests.bench import __main__ as command
from tests.bench import bodies, download, measure, throughput
from tests.bench.latency import FEW, MANY, unremembered
from tests.bench.measure import p50, p99
from tests.bench.report import Goal, Part, Table, as_json, text
from tests.bench.usage import Used
from tests.cluster import audit
from tests.kustomize import ROOT


@pytest.mark.parametrize("model", [FEW, MANY])
def test_a_steady_body_is_answered_with_what_it_holds(model):
    body = bodies.endpoint_steady("qwen", model)
    _, said, code = call_hook(lambda asked: endpoint.sync(asked, Config()), bodies.packed(body), bodies.NOW)
    assert code == 200
    assert said["status"]["phase"] == "Ready"
    assert {**said["status"], "observedGeneration": 1} == body["parent"]["status"]
    assert len(said["children"]) == sum(len(found) for found in body["children"].values()) == 4


def test_a_body_is_as_large_as_recorded_ones():
    sent = bodies.endpoint_steady("qwen", FEW)
    assert 20_000 < len(bodies.packed(sent)) < 40_000
    deployment = sent["children"]["Deployment.apps/v1"]["default/qwen"]
    [real] = bodies.recorded("endpoint-sync-steady")["children"]["Deployment.apps/v1"].values()
    assert {one["manager"] for one in deployment["metadata"]["managedFields"]} == {
        one["manager"] for one in real["metadata"]["managedFields"]
    }
    assert deployment["metadata"].keys() == real["metadata"].keys()


def test_an_unremembered_body_differs_from_turn_to_turn_in_versions_alone():
    body = bodies.endpoint_first("qwen", FEW)
    make = unremembered(body)
    first, second = json.loads(make(1)), json.loads(make(2))
    assert first != second
    assert first["parent"] == second["parent"]
    related = first["related"][RECIPES]
    assert {one["metadata"]["resourceVersion"] for one in related.values()} == {"1000001"}


def test_other_content_has_another_version():
    few, many = (bodies.inventory_sync(count)["parent"]["metadata"] for count in (1, 3))
    assert few["uid"] == many["uid"]
    assert few["resourceVersion"] != many["resourceVersion"]


def test_an_endpoint_is_served_by_the_hardware_that_its_fleet_has():
    bodies.endpoint_steady("qwen", MANY)
    assert bodies.life("qwen", MANY).ready["selectedRecipe"]["hardware"] == "MI300X"


def test_an_endpoint_has_goals_for_its_time_its_writes_and_its_syncs():
    times = throughput.Times(children=1, pods=4, done=6)
    written = [audit.Request(audit.METACONTROLLER, "create", "services", "a", "x", 201)] * 12
    used = Used(6, {}, Counter({"/endpoint/sync": 20, "/endpoint/customize": 2}), written)
    used = used._replace(cpu={"hooks": 0.1, "metacontroller": 0.2})
    bare, operated = (throughput.Result(times._replace(done=done), used, []) for done in (3, 6))
    goals = throughput.goals_of(2, bare, operated)
    assert [(goal.found, goal.met) for goal in goals] == [(1.5, True), (6, False), (10, False)]
    assert throughput.costs_of(2, bare, operated) == {
        "endpoints": "2",
        "children, times bare": 1,
        "Ready, times bare": 1.5,
        "syncs": 10,
        "writes": 6,
        "hooks CPU ms": 50,
        "metacontroller CPU ms": 100,
    }


def test_percentiles():
    assert p50([3, 1, 2]) == 2
    assert p99([*range(1000)]) == 990
    assert p99([1.0, 7.0]) == 7.0


def test_a_report_names_the_missed_goals():
    part = Part("some", [Table("figures", [{"what": "one", "ms": 1.25}, {"what": "two"}])], [Goal("ms", 1.25, 1, "ms")])
    assert "MISSED: ms: 1.25 ms, at most 1" in text(part)
    assert as_json([part], {})["parts"]["some"]["goals"][0]["met"] is False


def test_a_run_with_a_thousand_endpoints_takes_ten_minutes_at_most():
    assert 2 * throughput.patience(1000) <= 540  # a minute to start two control planes


HOOKS_ALONE = ("latency", "crowded", "selection", "memory", "plan", "download", "gateway", "gateway-table")
ON_A_CONTROL_PLANE = ("endpoints", "quiet", "nodes")


def measured(parts, tmp_path, *options):
    """The report of a run of these parts at their smallest size, which is expected to measure all of them."""
    file = tmp_path / "report.json"
    smallest = ("--quick", "--seconds=0.01", "--rest=1", "--endpoints=2", "--nodes=3")
    line = [sys.executable, "-m", "tests.bench", *smallest, f"--only={','.join(parts)}", f"--json={file}", *options]
    done = subprocess.run(line, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(file.read_text())
    assert report["failed"] == {}
    return report["parts"]


def figures(part):
    """The numbers of all tables, which is what measuring brings."""
    cells = [cell for table in part["tables"] for row in table["rows"] for cell in row.values()]
    return [cell for cell in cells if isinstance(cell, int | float)]


def test_every_part_is_run_by_a_test():
    assert {*HOOKS_ALONE, *ON_A_CONTROL_PLANE} == set(command.PARTS)


@pytest.mark.slow
def test_every_part_without_a_control_plane_is_measured(tmp_path):
    parts = measured(HOOKS_ALONE, tmp_path)
    assert parts.keys() == set(HOOKS_ALONE)
    assert all(figures(part) for part in parts.values())
    rows = parts["selection"]["tables"][0]["rows"]
    assert [row["candidates"] for row in rows] == [10, 200, 2000]


@pytest.mark.e2e
def test_every_part_on_a_control_plane_is_measured(tmp_path):
    parts = measured(ON_A_CONTROL_PLANE, tmp_path)
    assert all(figures(part) for part in parts.values())
    assert len(parts) == len(ON_A_CONTROL_PLANE)


@pytest.mark.slow
def test_both_programs_download_the_model_from_the_same_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "LEAST_TURNS", 1)
    part = download.run(tmp_path / "download", 0.01, 70_000)
    [table] = part.tables
    assert [(row["program"], row["turns"]) for row in table.rows] == [(name, 1) for name in download.NAMES]
    assert all(10 < row["most MiB"] < 1000 and row["MB/s p50"] > 0 for row in table.rows)
    assert [goal.limit for goal in part.goals] == [1, 300]


def test_a_program_that_fails_is_not_measured(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        download.process([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "volume", "http://127.0.0.1:1")


def test_an_unknown_part_is_named(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "--only=speed"])
    with pytest.raises(SystemExit):
        command.main()
    assert "speed: there are only latency" in capsys.readouterr().err


def test_a_part_that_cannot_be_measured_is_named_and_the_others_are_measured(monkeypatch, tmp_path, capsys):
    def broken(_):
        raise RuntimeError("no such thing")

    def measured(_):
        return Part("selection", [], [])

    file = tmp_path / "report.json"
    monkeypatch.setattr(sys, "argv", ["bench", "--seconds=0.01", "--only=selection,plan", f"--json={file}"])
    monkeypatch.setattr(command, "stop_on_signals", lambda: None)
    monkeypatch.setattr(command.selection, "run", measured)
    monkeypatch.setattr(command.plan, "run", broken)
    assert command.main() == 1
    report = json.loads(file.read_text())
    assert report["failed"] == {"plan": "RuntimeError: no such thing"}
    assert list(report["parts"]) == ["selection"]
    said = capsys.readouterr().out
    assert "plan: not measured" in said
    assert "1 of 2 parts not measured: plan" in said


def test_a_size_that_cannot_be_measured_takes_nothing_from_the_one_before(monkeypatch, tmp_path):
    def until_the_second(_, __):
        yield Part("endpoints, 100", [], [])
        raise RuntimeError("1000 endpoints: not within 278 s: pods")

    file = tmp_path / "report.json"
    monkeypatch.setattr(sys, "argv", ["bench", "--only=endpoints", "--endpoints=100,1000", f"--json={file}"])
    monkeypatch.setattr(command, "stop_on_signals", lambda: None)
    monkeypatch.setattr(command.throughput, "run", until_the_second)
    assert command.main() == 1
    report = json.loads(file.read_text())
    assert list(report["parts"]) == ["endpoints, 100"]
    assert report["failed"] == {"endpoints": "RuntimeError: 1000 endpoints: not within 278 s: pods"}
