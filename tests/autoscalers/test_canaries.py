"""A new version is tried while the real KEDA scales: the one that serves grows, and no client sees an error."""

from http import HTTPStatus

import pytest

from aimlib.canary.step import ENDED
from tests.autoscalers.load import load
from tests.autoscalers.served import SECONDS, accepted, model, ready_replicas, scaled, serve
from tests.dataplane import commands
from tests.dataplane.canaries import INTERVAL, LIMITS, canary, pods

MOST, CLIENTS = 3, 6
SCALING = {"minReplicas": 1, "maxReplicas": MOST, "targetRequests": CLIENTS // MOST, "scaleDownDelay": 10}
FAILURES = 6
"""Long enough for the version that serves to grow while the other one fails."""
ANALYSIS = {"intervalSeconds": INTERVAL, "minRequests": 3, "failureLimit": FAILURES, "maxRegressionPercent": LIMITS}
TRIED = {"enabled": True, "steps": [{"weight": 20, "seconds": FAILURES * INTERVAL}], "analysis": ANALYSIS}
SERVES = "v1-answers-in-1500ms"
CASES = {"good": ("v2-answers-in-1500ms", "Promoted", "b"), "absent": ("v2-crash-loop", "CannotStart", "a")}
"""The version that is tried, how that ends, and the track that serves then."""


def version(tag):
    return {"deployment": {"canary": TRIED}, "image": {"tag": tag}}


@pytest.mark.parametrize("case", CASES)
def test_while_a_version_is_tried_the_one_that_serves_grows_with_the_load(space, case):
    tag, end, serving = CASES[case]
    [gone] = {"a", "b"} - {serving}
    serve(space, case, SERVES, SCALING, **version(SERVES))
    space.wait("KEDA to take it", lambda: accepted(space, case), SECONDS)
    tried, ready = [], []

    def seen(holds):
        """Whether something holds; what is seen meanwhile is kept."""
        ready.append(ready_replicas(space, case))
        count = len(pods(space, case, "b"))
        if canary(space, case).get("phase") in {"Starting", "Progressing"}:
            tried.append(count)
        return holds()

    with load(space, model(case)) as clients:
        # The status of the gateway has a route a moment before each Envoy has it.
        space.wait("an answer", lambda: clients.ask() == HTTPStatus.OK, SECONDS)
        clients.clients(1)
        space.apply(scaled(case, SCALING, **version(tag)))
        space.wait("a new version", lambda: len(pods(space, case, "b")) == 1, SECONDS)
        clients.clients(CLIENTS)
        space.wait("the other to grow", lambda: seen(lambda: running(space, case, "a") == MOST), SECONDS)
        assert canary(space, case)["phase"] in {"Starting", "Progressing"}
        grown = len(ready)
        space.wait("the end", lambda: seen(lambda: canary(space, case)["phase"] in ENDED), SECONDS)
        assert canary(space, case)["reason"] == end, canary(space, case)
        space.wait("one version", lambda: seen(lambda: not pods(space, case, gone)), SECONDS)
        assert len(pods(space, case, serving)) == MOST
        clients.clients(1)
        space.wait("it to shrink", lambda: len(pods(space, case, serving)) == 1, SECONDS)
        space.wait("the others to be gone", lambda: ready_replicas(space, case) == 1, SECONDS)
    print(f"{case}: {end}; answers by status: {dict(clients.answered)}; fewest ready: {min(ready[grown:])}")
    assert set(clients.answered) == {200}, clients.answered
    assert set(tried) == {1}
    assert min(ready[grown:]) >= MOST


def running(space, case, track):
    """The ready replicas of a version."""
    value = case if track == "a" else f"{case}_b"
    found = space.get("pods", f"--selector=aim.engine.amd.com/endpoint={value}")["items"]
    return sum(commands.is_ready(one) for one in found)
