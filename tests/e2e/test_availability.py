"""Replicas that stay ready: evictions by the API server, a drained node and a lost zone."""

import json

import pytest

from tests.cluster.plane import KubectlError
from tests.e2e.space import endpoint, recipe

pytestmark = pytest.mark.e2e

ZONES = {"mi325x-0": "zone-a", "mi325x-1": "zone-b"}
LOST = "example.com/lost:NoSchedule"
"""In place of the taint of a node that does not answer, which a controller takes from simulated nodes."""


@pytest.fixture
def model(space):
    """A model whose replicas take one of the eight GPUs of each of two nodes in two zones."""
    name = f"{space.namespace}-small"
    space.apply(recipe(name, modelId=f"example/{name}", hardware="MI325X"))
    yield f"example/{name}"
    space.kubectl("delete", "aimrecipe", name)


@pytest.fixture
def nodes(cluster):
    """Both nodes, which are schedulable and without taints afterwards."""
    yield [*ZONES]
    cluster.kubectl("uncordon", *ZONES)
    tainted = [one["metadata"]["name"] for one in cluster.get("nodes")["items"] if one["spec"].get("taints")]
    for name in set(tainted) & ZONES.keys():
        cluster.kubectl("taint", "node", name, f"{LOST}-")


def placed(space):
    """The pods of the namespace that are not ending, by node."""
    found = [one for one in space.get("pods")["items"] if "deletionTimestamp" not in one["metadata"]]
    on = sorted((one["spec"].get("nodeName", ""), one["metadata"]["name"]) for one in found)
    return {node: [name for where, name in on if where == node] for node in dict(on)}


def evict(space, pod):
    """Ask the API server to evict a pod, as `kubectl drain` does; whether it does."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": space.namespace}}
    path = f"/api/v1/namespaces/{space.namespace}/pods/{pod}/eviction"
    try:
        space.plane.kubectl("create", "--raw", path, "--filename=-", input=json.dumps(body))
    except KubectlError as error:
        if "disruption budget" not in str(error):
            raise
        return False
    return True


def test_replicas_are_spread_over_zones_and_a_drain_leaves_as_many_as_are_stated(space, cluster, model, nodes):
    space.apply(endpoint("steady", modelId=model, replicas=4, availability={"minReady": 3, "spread": "Zone"}))
    space.ready("steady")
    before = placed(space)
    assert {node: len(pods) for node, pods in before.items()} == dict.fromkeys(nodes, 2)
    space.wait("the budget to be counted", lambda: space.get("pdb", "steady")["status"].get("disruptionsAllowed") == 1)
    cluster.kubectl("cordon", *nodes)
    first, second = before[nodes[0]]
    assert evict(space, first)
    space.wait("the budget to be used up", lambda: space.get("pdb", "steady")["status"]["disruptionsAllowed"] == 0)
    assert not evict(space, second)
    space.becomes("steady", "Unschedulable")
    assert space.get("aimendpoint", "steady")["status"]["phase"] == "Degraded"
    cluster.kubectl("uncordon", *nodes)
    space.ready("steady")
    assert {node: len(pods) for node, pods in placed(space).items()} == dict.fromkeys(nodes, 2)


def test_a_lost_zone_leaves_the_other_and_its_replicas_are_replaced_there(space, cluster, model, nodes):
    space.apply(endpoint("steady", modelId=model, replicas=4, availability={"minReady": 2, "spread": "Zone"}))
    space.ready("steady")
    kept = placed(space)[nodes[0]]
    assert len(kept) == 2
    lost = placed(space)[nodes[1]]
    cluster.kubectl("taint", "node", nodes[1], LOST)
    # Eviction by taints is no part of this control plane.
    space.kubectl("delete", "pods", "--force", "--grace-period=0", *lost)
    space.wait("the pods of the zone to be replaced", lambda: [*placed(space)] == [nodes[0]])
    space.ready("steady")
    pods = placed(space)
    assert {*kept} < {*pods[nodes[0]]}
    assert len(pods[nodes[0]]) == 4
