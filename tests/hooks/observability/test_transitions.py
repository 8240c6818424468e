"""What the Events of an object tell: each transition once, and nothing while nothing changes."""

import pytest

from aimlib.protocol.metacontroller import Request, parse_request
from hooks.observability.transitions import MOST_MODELS, NORMAL, WARNING, Transition, transitions
from tests.cases import TESTDATA, Case
from tests.playing import play


def condition(kind, status, reason, message="why"):
    return {"type": kind, "status": status, "reason": reason, "message": message}


def status(phase, reason, message="why", *more, **fields):
    ready = condition("Ready", "True" if phase == "Ready" else "False", reason, message)
    return {"phase": phase, "conditions": [ready, *more], **fields}


def told(before, after, kind="AIMEndpoint"):
    return transitions(Request({"kind": kind, "metadata": {"name": "a"}, "status": before}, {}, {}), after)


def test_a_gateway_tells_its_phase_and_nothing_else():
    ready = status("Ready", "Ready", "2 of 2 replicas are ready")
    assert told(LOADING, ready, "AIMGateway") == [Transition("Ready", NORMAL, "2 of 2 replicas are ready")]
    assert told(ready, ready, "AIMGateway") == []
    taken = status("Degraded", "NameTaken")
    assert told(ready, taken, "AIMGateway") == [Transition("Degraded", WARNING, "NameTaken: why")]


LOADING = status("Reconciling", "Progressing")
SERVING = status("Ready", "AllReplicasReady", "2 of 2 replicas ready")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, LOADING, []),
        ({"phase": "Pending"}, status("Pending", "NoRecipe"), [Transition("Pending", WARNING, "NoRecipe: why")]),
        (LOADING, SERVING, [Transition("Ready", NORMAL, "2 of 2 replicas ready")]),
        (SERVING, SERVING, []),
        (SERVING, LOADING, []),
        (SERVING, status("Degraded", "NodeLost"), [Transition("Degraded", WARNING, "NodeLost: why")]),
        (status("Failed", "CrashLoop"), status("Failed", "CrashLoop", "other words"), []),
        (
            status("Failed", "CrashLoop"),
            status("Failed", "OutOfMemory"),
            [Transition("Failed", WARNING, "OutOfMemory: why")],
        ),
        (SERVING, status("Stopped", "Progressing"), []),
        (status("Stopped", "Progressing"), status("Stopped", "Stopped"), [Transition("Stopped", NORMAL, "why")]),
        (SERVING, status("Stopped", "Stopped"), [Transition("Stopped", NORMAL, "why")]),
        ("no object", SERVING, [Transition("Ready", NORMAL, "2 of 2 replicas ready")]),
    ],
)
def test_a_phase_is_told_once_it_or_its_reason_differs(before, after, expected):
    assert told(before, after) == expected


COUNTED = {
    "triggers": [{"name": "requests", "measured": 60, "target": 24, "replicas": 3}, {"name": "cpu", "target": 80}]
}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((1, COUNTED), (3, COUNTED), ("ScaledUp", "from 1 to 3 replicas: requests 60 for a target of 24")),
        ((3, COUNTED), (0, {"by": "KEDA"}), ("ScaledDown", "from 3 to 0 replicas")),
        ((3, COUNTED), (3, COUNTED), None),
        ((3, None), (1, COUNTED), None),
        ((3, COUNTED), (1, None), None),
        ((None, COUNTED), (1, COUNTED), None),
    ],
)
def test_other_replicas_of_an_endpoint_with_an_autoscaler_are_told_with_what_was_measured(before, after, expected):
    worlds = [
        status("Ready", "AllReplicasReady", replicas={"desired": count}, scaling=one) for count, one in (before, after)
    ]
    assert told(*worlds) == ([Transition(expected[0], NORMAL, expected[1])] if expected else [])


def test_a_canary_that_took_over_is_told_once():
    promoted = {**SERVING, "canary": {"id": "x1", "phase": "Promoted", "message": "it serves"}}
    tried = {**SERVING, "canary": {"id": "x1", "phase": "Promoting"}}
    assert told(tried, promoted) == [Transition("Promoted", NORMAL, "canary x1: it serves")]
    assert told(promoted, promoted) == told(promoted, tried) == []


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("RecipeChanged", NORMAL),
        ("BetterRecipeAvailable", NORMAL),
        ("NoLongerFits", WARNING),
        ("RolledBack", WARNING),
        ("CanaryRunning", NORMAL),
    ],
)
def test_a_selection_that_would_differ_is_told_once(reason, kind):
    current = {**SERVING, "conditions": [*SERVING["conditions"], condition("UpToDate", "True", "Current")]}
    stale = {**SERVING, "conditions": [*SERVING["conditions"], condition("UpToDate", "False", reason)]}
    assert told(current, stale) == [Transition(reason, kind, "why")]
    assert told(stale, stale) == told(stale, current) == []


@pytest.mark.parametrize("fallback", [None, 1])
def test_a_selection_is_told_and_that_it_is_a_fallback(fallback):
    chosen = condition("RecipeSelected", "True", "Selected", "the best of 3")
    after = {**LOADING, "resolved": {"recipe": "r"}, "selection": {"fallback": fallback}}
    after["conditions"] = [*LOADING["conditions"], chosen]
    reason = "Fallback" if fallback else "Selected"
    assert told({}, after) == [Transition(reason, NORMAL, "the best of 3")]
    assert told(after, after) == []


def model(name, state, **more):
    return {"id": name, "revision": "main", "status": state, **more}


def test_downloads_and_removals_of_a_cache_are_told():
    before = status("Ready", "AllCached", cachedModels=[model("a/old", "Ready"), model("a/gone", "Ready")])
    found = [model("a/new", "Ready", size="3Gi"), model("a/bad", "Failed", message="no space"), model("a/w", "Waiting")]
    removed = [{"id": "a/old", "revision": "main", "why": "unused for 7 days"}]
    after = status("Ready", "AllCached", cachedModels=found, cleanup={"removed": removed})
    assert told(before, after, "AIMCache") == [
        Transition("Downloaded", NORMAL, "a/new@main: 3Gi", "a/new@main"),
        Transition("DownloadFailed", WARNING, "a/bad@main: no space", "a/bad@main"),
        Transition("Removed", NORMAL, "a/old@main: unused for 7 days", "a/old@main"),
        Transition("Removed", NORMAL, "a/gone@main", "a/gone@main"),
    ]
    assert told(after, after, "AIMCache") == []


def test_many_models_at_once_are_not_all_told():
    found = [model(f"a/{count}", "Ready") for count in range(100)]
    assert len(told({}, status("Reconciling", "Downloading", cachedModels=found), "AIMCache")) == MOST_MODELS


def test_other_kinds_have_none():
    assert told(None, status("Invalid", "Invalid"), "AIMRecipe") == []


def test_the_first_sync_of_an_endpoint_tells_its_selection():
    case = Case(TESTDATA / "endpoint" / "sync" / "a-model-alone-is-enough")
    played = play(case.kind, case.hook, {**case.world, "syncs": 1})
    parsed = parse_request(played.request)
    assert [one.reason for one in transitions(parsed, played.answer.said["status"])] == ["Selected"]
