"""What `aim status` and `aim explain --scaling` tell of an autoscaler."""

import json

import pytest

from aimlib.api.scaling import ScalingStatus
from hooks.cli import cluster
from hooks.cli.scaling_report import BOUND_WORDS
from tests.hooks.cli.commandline import aim
from tests.hooks.cli.standin_cluster import StandInCluster, stored

SCALING = {
    "by": "KEDA",
    "autoscaler": "keda-hpa-it",
    "minReplicas": 0,
    "maxReplicas": 4,
    "desired": 4,
    "boundedBy": "Maximum",
    "triggers": [
        {"name": "requests", "measured": 34.5, "target": 24, "replicas": 6},
        {"name": "kv-cache", "target": 80},
    ],
    "lastScaled": "2026-11-23T11:40:00Z",
}


@pytest.fixture
def on(monkeypatch):
    """`aim` on a stand-in cluster."""

    def run(standin, *words):
        monkeypatch.setattr(cluster, "LiveCluster", lambda *_: standin)
        return aim(*words)

    return run


def scaled(**changes):
    status = {"phase": "Ready", "replicas": {"desired": 4, "ready": 4}, "scaling": {**SCALING, **changes}}
    return StandInCluster(stored(status=status, scaling={"minReplicas": 0, "maxReplicas": 4}))


def test_the_screen_of_an_endpoint_has_what_decides_and_what_bounds_it(on):
    assert (
        "scaling   0 to 4 replicas by KEDA; requests wants 6; no more by maxReplicas\n"
        in on(scaled(), "status", "it").stdout
    )


def test_the_screen_says_why_an_autoscaler_does_not_scale(on):
    why = {"boundedBy": None, "triggers": [], "reason": "Blind", "message": "no \x1b[31mmetrics"}
    shown = on(scaled(**why), "status", "it").stdout
    assert "scaling   0 to 4 replicas by KEDA; Blind: no " in shown
    assert "\x1b" not in shown


def test_the_sums_have_each_target(on):
    done = on(scaled(), "explain", "--scaling", "it")
    assert done.exit_code == 0
    assert done.stdout == (
        "it: 4 replicas, 0 to 4 replicas by KEDA; requests wants 6; no more by maxReplicas\n"
        "TARGET    MEASURED  OF  WANTS\n"
        "requests  34.5      24  6\n"
        "kv-cache  unknown   80  -\n"
        "keda-hpa-it takes the most that any target wants, and scales where that is over 10 % away\n"
        "the last change was at 2026-11-23T11:40:00Z\n"
    )
    assert "it has changed nothing yet" in on(scaled(lastScaled=None), "explain", "--scaling", "it").stdout


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_the_sums_are_data_too(on, output):
    told = on(scaled(), "explain", "--scaling", "it", "-o", output).stdout
    assert "keda-hpa-it" in told
    if output == "json":
        assert json.loads(told)["triggers"] == SCALING["triggers"]


@pytest.mark.parametrize(
    ("applies", "words"),
    [(True, "until 2026-11-23T17:00:00Z"), (False, "from 2026-11-23T07:00:00Z to 2026-11-23T17:00:00Z")],
)
def test_the_schedule_says_what_it_wants_and_when(on, applies, words):
    times = {"begins": "2026-11-23T07:00:00Z", "ends": "2026-11-23T17:00:00Z"}
    one = {"minReplicas": 3, "cron": "0 8 * * 1-5", "timeZone": "Europe/Berlin", "applies": applies, **times}
    told = on(scaled(scheduled=one, boundedBy="Schedule"), "status", "it").stdout
    said = f"the schedule '0 8 * * 1-5' (Europe/Berlin) wants 3 {words}; no fewer by the schedule"
    assert said in " ".join(told.split())


def test_the_sums_say_what_is_anticipated(on):
    told = on(scaled(anticipated={"period": "7d", "startupSeconds": 600}), "explain", "--scaling", "it").stdout
    assert "anticipated is the load of 7d ago, as it was 10m later\n" in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"asOf": "2026-11-23T11:40:00Z", "advice": "it does"}, "55 % use; it does (as of 2026-11-23T11:40:00Z)"),
        ({"message": "no answer"}, "55 % use; nothing was replayed yet; no answer"),
    ],
)
def test_the_sums_say_what_the_own_past_makes_of_the_target(on, changes, words):
    told = on(scaled(headroom={"targetUtilization": 55, **changes}), "explain", "--scaling", "it").stdout
    assert f"headroom by the own past: {words}\n" in told


def test_an_endpoint_that_only_its_schedule_scales_says_so(on):
    schedule = [{"cron": "@daily", "duration": "8h", "minReplicas": 2}]
    standin = StandInCluster(stored(scaling={"maxReplicas": 2, "schedule": schedule}))
    assert "nothing scales it but its schedule" in on(standin, "explain", "--scaling", "it").stdout


def test_an_endpoint_that_nothing_scales_says_so(on):
    assert on(StandInCluster(stored(replicas=2)), "explain", "--scaling", "it").stdout == (
        "it: nothing scales it; spec.replicas is 2\n"
    )


def test_sums_are_of_the_cluster_alone(on):
    done = on(StandInCluster(), "explain", "--scaling", "--model", "Qwen/Qwen3-32B")
    assert done.exit_code == 2
    assert "state its NAME" in done.stderr


def test_every_bound_has_words():
    schema = ScalingStatus.model_json_schema()["properties"]["boundedBy"]
    assert set(BOUND_WORDS) == {one for part in schema["anyOf"] for one in part.get("enum", ())}
