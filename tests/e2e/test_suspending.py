"""Endpoints that are suspended in every state: they stop, nothing goes on writing, and they come back as they were."""

import pytest

from tests.cluster import audit
from tests.e2e.optional_kinds import keda_component
from tests.e2e.space import endpoint
from tests.e2e.test_gateways import gateway
from tests.e2e.test_writes import settled

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
ON_LOAD = {"monitoring": {"enabled": True}, "scaling": {"minReplicas": 1, "maxReplicas": 3, "targetRequests": 8}}
TO_ZERO = {"replicas": 0, "scaling": {"minReplicas": 0, "maxReplicas": 3}}
ON_CPU = {"scaling": {"minReplicas": 3, "maxReplicas": 4, "targetCPUUtilization": 80}}
TRIED = {"canary": {"enabled": True, "promotion": "Manual", "analysis": {"intervalSeconds": 10}}}
CANARY = {"replicas": 2, "deployment": TRIED}


@pytest.fixture(scope="module")
def offered(cluster, installation):
    """The component, on a cluster with KEDA's kinds, in which nobody plays KEDA."""
    with keda_component(cluster, installation):
        yield


def found(space):
    return space.get("aimendpoint", "chat").get("status", {})


def is_in(phase):
    return lambda space: found(space).get("phase") == phase


def ready(replicas):
    return lambda space: is_in("Ready")(space) and found(space)["replicas"]["ready"] == replicas


def tries(phase):
    return lambda space: found(space).get("canary", {}).get("phase") == phase


def runs(space):
    """Pods are there, and are not ready."""
    return is_in("Reconciling")(space) and bool(servers(space)) and not found(space)["replicas"].get("ready")


STATES = {
    "nothing fits": ({"gpuCount": 5}, is_in("Pending"), is_in("Pending")),
    "a cache is waited for": ({"cache": {"name": "missing"}}, is_in("Pending"), is_in("Pending")),
    "starting": ({"image": {"tag": "never-ready"}}, runs, runs),
    "failed": ({"image": {"tag": "crash-loop"}}, is_in("Failed"), is_in("Failed")),
    "ready at one": ({}, ready(1), ready(1)),
    "ready at three": ({"replicas": 3}, ready(3), ready(3)),
    "scaled by an autoscaler": (ON_CPU, ready(3), ready(3)),
    "scaled by KEDA": (ON_LOAD, ready(1), ready(1)),
    "idle at zero": (TO_ZERO, is_in("Idle"), is_in("Idle")),
    "stopped by hand": ({"replicas": 0}, is_in("Stopped"), is_in("Stopped")),
    "a version that does not start": (CANARY, tries("Starting"), runs),
}
"""What is stated, when the state is reached, and what there is again afterwards."""
NEXT = {"a version that does not start": "v2-never-ready"}
"""The tag of the version that is tried."""


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize("state", STATES)
def test_suspended_it_stops_in_whatever_state_and_comes_back(space, state):
    stated, reached, again = STATES[state]
    space.apply(gateway("models"), endpoint("chat", modelId=MODEL, **({"gpuCount": 1} | stated)))
    if state in NEXT:
        space.ready("chat")
        space.patch("aimendpoint/chat", {"spec": {"image": {"tag": NEXT[state]}}})
    space.wait(state, lambda: reached(space))
    before = found(space)["phase"]
    space.patch("aimendpoint/chat", {"spec": {"suspend": True}})
    space.wait("it to stop", lambda: is_in("Stopped")(space) and not servers(space))
    since = settled(space)
    settled(space)
    assert [one for one in audit.writes(space.plane, since=since) if one.namespace == space.namespace] == []
    assert {one["spec"]["replicas"] for one in space.get("deployments", SELECTOR)["items"]} <= {0}
    assert is_in("Stopped")(space)
    assert space.names("horizontalpodautoscalers") == []
    space.patch("aimendpoint/chat", {"spec": {"suspend": False}})
    space.wait(f"what it was before: {before}", lambda: again(space))


SELECTOR = "--selector=app.kubernetes.io/name=aim-endpoint"


def servers(space):
    return space.names("pods", SELECTOR)
