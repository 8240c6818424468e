"""Replicas: set by hand through the scale subresource, or by an autoscaler."""

import time

import pytest

from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e

BUDGET = "poddisruptionbudgets"
AUTOSCALER = "horizontalpodautoscalers"


def replicas(space, name):
    return space.deployment(name)["spec"]["replicas"]


def test_scaling_to_zero_stops_an_endpoint_and_back_starts_it(space):
    space.apply(endpoint("stopped", modelId="Qwen/Qwen3-32B"))
    space.ready("stopped")
    space.kubectl("scale", "aimendpoint/stopped", "--replicas=0")
    space.becomes("stopped", "Stopped")
    space.wait("the pods to go", lambda: not space.names("pods"))
    assert replicas(space, "stopped") == 0
    assert space.get("aimendpoint", "stopped")["status"]["phase"] == "Stopped"
    space.kubectl("scale", "aimendpoint/stopped", "--replicas=1")
    space.ready("stopped")
    assert replicas(space, "stopped") == 1


def test_two_replicas_have_a_budget_and_one_has_none(space):
    space.apply(endpoint("budgeted", modelId="Qwen/Qwen3-32B"))
    space.ready("budgeted")
    assert space.names(BUDGET) == []
    space.kubectl("scale", "aimendpoint/budgeted", "--replicas=2")
    space.ready("budgeted")
    space.wait("a budget", lambda: bool(space.names(BUDGET)))
    assert space.get("aimendpoint", "budgeted")["status"]["replicas"]["ready"] == 2
    scale = space.get("aimendpoint/budgeted", "--subresource=scale")
    assert (scale["spec"]["replicas"], scale["status"]["replicas"]) == (2, 2)
    space.kubectl("scale", "aimendpoint/budgeted", "--replicas=1")
    space.wait("no budget", lambda: not space.names(BUDGET))
    space.ready("budgeted")


def test_an_autoscaler_scales_the_endpoint_and_nobody_fights_it(space):
    scaling = {"minReplicas": 2, "maxReplicas": 3, "targetCPUUtilization": 70}
    space.apply(endpoint("scaled", modelId="Qwen/Qwen3-32B", gpuCount=1, scaling=scaling))
    space.ready("scaled")
    space.wait("an autoscaler", lambda: bool(space.names(AUTOSCALER)))
    assert "AIMEndpoint/scaled" in space.kubectl("get", AUTOSCALER)
    target = space.get("hpa", "scaled")["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMEndpoint", "name": "scaled"}
    # The endpoint was applied with one replica: the autoscaler itself must raise that to its minimum.
    space.wait("the minimum", lambda: space.get("aimendpoint", "scaled")["spec"]["replicas"] == 2)
    space.ready("scaled")
    assert replicas(space, "scaled") == 2

    def versions():
        return [space.get(kind, "scaled")["metadata"]["generation"] for kind in ("aimendpoint", "deployment")]

    before = versions()
    time.sleep(10)
    assert versions() == before

    space.patch("aimendpoint/scaled", {"spec": {"scaling": None}})
    space.wait("no autoscaler", lambda: not space.names(AUTOSCALER))
    space.ready("scaled")
    assert replicas(space, "scaled") == 2


def test_more_replicas_than_the_maximum_are_not_made(space):
    space.apply(endpoint("bounded", modelId="Qwen/Qwen3-32B", gpuCount=1, replicas=1, scaling={"maxReplicas": 2}))
    space.ready("bounded")
    space.kubectl("scale", "aimendpoint/bounded", "--replicas=9")
    space.ready("bounded")
    assert replicas(space, "bounded") == 2
