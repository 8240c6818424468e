"""Endpoints with the component keda on the real control plane, with KEDA's own CRDs. No KEDA runs here."""

import pytest

from hooks.endpoint.children.scaled_object import SCALED_OBJECT
from tests.cluster import audit
from tests.e2e.optional_kinds import keda_component
from tests.e2e.space import endpoint
from tests.e2e.test_installation import dry_run, golden_children
from tests.e2e.test_writes import settled

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
ON_LOAD = {"maxReplicas": 3, "targetRequests": 8}
ON_CPU = {"maxReplicas": 3, "targetCPUUtilization": 80}
MONITORED = {"enabled": True}


@pytest.fixture(scope="module")
def offered(cluster, installation):
    """The component, on a cluster with KEDA's kinds."""
    with keda_component(cluster, installation):
        yield


def scaled_object(space, name):
    """The ScaledObject of an endpoint, if there is one."""
    found = space.get("scaledobjects", "--ignore-not-found")["items"]
    return next((one for one in found if one["metadata"]["name"] == name), None)


@pytest.mark.usefixtures("offered")
def test_keda_scales_the_endpoint_and_two_syncs_write_nothing(space):
    space.apply(endpoint("chat", modelId=MODEL, monitoring=MONITORED, scaling={**ON_LOAD, "scaleDownDelay": 600}))
    space.ready("chat")
    made = scaled_object(space, "chat")
    assert made["spec"]["scaleTargetRef"] == {
        "apiVersion": "aim.engine.amd.com/v1alpha1",
        "kind": "AIMEndpoint",
        "name": "chat",
    }
    [trigger] = made["spec"]["triggers"]
    assert trigger["metadata"]["query"] == (
        f'sum(aim:requests_in_flight{{namespace="{space.namespace}",aimendpoint="chat"}})'
    )
    assert "horizontalpodautoscaler.autoscaling/chat" not in space.children()
    since = settled(space)
    space.kubectl("annotate", "aimendpoint/chat", "looked=1")
    settled(space)
    writes = audit.writes(space.plane, since=since, user=audit.METACONTROLLER)
    assert [one for one in writes if one.namespace == space.namespace] == []
    assert space.get("aimendpoint", "chat")["status"]["scaling"]["by"] == "KEDA"


@pytest.mark.usefixtures("offered")
def test_one_autoscaler_goes_before_the_other_comes(space):
    space.apply(endpoint("chat", modelId=MODEL, monitoring=MONITORED, scaling=ON_CPU))
    space.ready("chat")
    assert "horizontalpodautoscaler.autoscaling/chat" in space.children()
    for scaling, keda_scales in ((ON_LOAD, True), (ON_CPU, False)):
        former = {key: None for key in {**ON_LOAD, **ON_CPU} if key not in scaling}
        space.patch("aimendpoint/chat", {"spec": {"scaling": {**former, **scaling}}})
        space.wait(
            "the other autoscaler",
            lambda expected=keda_scales: (
                (scaled_object(space, "chat") is not None) == expected
                and ("horizontalpodautoscaler.autoscaling/chat" in space.children()) != expected
            ),
        )
        space.ready("chat")


@pytest.mark.usefixtures("offered")
def test_keda_is_held_back_while_an_endpoint_is_suspended(space):
    space.apply(endpoint("chat", modelId=MODEL, monitoring=MONITORED, scaling=ON_LOAD, suspend=True))
    space.becomes("chat", "Suspended")
    assert space.deployment("chat")["spec"]["replicas"] == 0
    assert space.get("aimendpoint", "chat")["status"]["phase"] == "Stopped"
    assert scaled_object(space, "chat")["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"] == "1"
    space.patch("aimendpoint/chat", {"spec": {"suspend": False}})
    space.becomes("chat", "AllReplicasReady")
    assert "autoscaling.keda.sh/paused-replicas" not in scaled_object(space, "chat")["metadata"]["annotations"]


@pytest.mark.usefixtures("offered")
def test_a_schedule_is_the_minimum_of_what_scales(space):
    """From midnight to midnight, so that it counts whenever this runs."""
    always = [{"cron": "@daily", "duration": "24h", "minReplicas": 2}]
    space.apply(endpoint("chat", modelId=MODEL, monitoring=MONITORED, scaling={**ON_LOAD, "schedule": always}))
    space.ready("chat")
    assert space.deployment("chat")["spec"]["replicas"] == 2
    assert scaled_object(space, "chat")["spec"]["minReplicaCount"] == 2
    assert space.get("aimendpoint", "chat")["status"]["scaling"]["scheduled"]["applies"]


@pytest.mark.usefixtures("offered")
def test_a_minimum_of_zero_without_a_gateway_is_one_replica_and_a_warning(space):
    space.apply(endpoint("chat", modelId=MODEL, replicas=0, scaling={"minReplicas": 0, "maxReplicas": 3}))
    space.becomes("chat", "AllReplicasReady")
    [warning, *_] = space.get("aimendpoint", "chat")["status"]["warnings"]
    assert warning.startswith("scaling.minReplicas 0 has no effect: no AIMGateway routes requests to this endpoint")


@pytest.mark.usefixtures("offered")
def test_keda_s_crd_takes_every_golden_scaled_object(cluster):
    found = golden_children({SCALED_OBJECT})
    assert len(found) > 5
    assert dry_run(cluster, found) == len(found)
