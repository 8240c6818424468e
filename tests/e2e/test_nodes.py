"""Node facts: one AIMNode per Node, one inventory of them, and nothing of it moved by heartbeats."""

import json
import time

import pytest
import yaml

from tests.cluster.fixtures import NODES
from tests.cluster.plane import HERE
from tests.e2e.hookserver import calls
from tests.e2e.space import SECONDS, endpoint

pytestmark = pytest.mark.e2e

HEARTBEATS = 20


def nodes_of(file):
    return [one["metadata"]["name"] for one in yaml.safe_load_all((HERE / "nodes" / f"{file}.yaml").read_text())]


def inventory(plane):
    return plane.get("aiminventory", "cluster")["status"]


def wait_for_inventory(plane, summary, seconds=SECONDS):
    """Wait for the inventory's GPUs in words; the AssertionError shows what they are instead."""
    deadline = time.monotonic() + seconds
    while (found := inventory(plane)["summary"]) != summary:
        assert time.monotonic() < deadline, f"expected {summary!r}, found {found!r}"
        time.sleep(0.1)


@pytest.fixture
def fleet(cluster):
    """Adds the nodes of `nodes/<file>.yaml` for one test."""
    added = []

    def add(*files):
        added.extend(files)
        cluster.add_nodes(*files)

    wait_for_inventory(cluster, USUAL)
    yield add
    names = [name for file in added for name in nodes_of(file)]
    if names:
        cluster.kubectl("delete", "node", "--ignore-not-found", *names)
    wait_for_inventory(cluster, USUAL)


USUAL = "16 x MI300X (192 GiB), 16 x MI325X (256 GiB)"


def test_every_node_has_its_facts_and_the_inventory_adds_them_up(cluster):
    wait_for_inventory(cluster, USUAL)
    expected = sorted(f"aimnode.aim.engine.amd.com/{name}" for file in NODES for name in nodes_of(file))

    def listed():
        return sorted(cluster.kubectl("get", "aimnodes", "--output=name").split())

    cluster.wait_for("the facts of other tests' nodes to go", lambda: listed() == expected, SECONDS)
    found = {one["metadata"]["name"]: one for one in cluster.get("aimnodes")["items"]}
    for name, node in found.items():
        [owner] = node["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("Node", name)
    assert found["mi300x-0"]["spec"]["pools"][0]["deviceId"] == "74a1"
    assert found["cpu-0"]["spec"]["summary"] == "CPU, 62 cores"
    status = inventory(cluster)
    assert (status["nodes"], status["gpus"]) == (5, 32)
    products = {one["product"]: (one["nodes"], one["devicesPerNode"], one["total"]) for one in status["classes"]}
    assert products["MI300X"] == products["MI325X"] == (2, 8, 16)
    assert products["CPU"][0] == 5


def test_a_mixed_fleet_is_told_apart(cluster, fleet):
    fleet("h100", "h100-mig", "partitioned", "two-products", "unavailable")
    wait_for_inventory(
        cluster,
        "8 x H100 (79.6 GiB), 56 x H100 1g.10gb (9.5 GiB), 16 x MI300X (192 GiB), 128 x MI300X cpx_nps4 (24 GiB), "
        "16 x MI325X (256 GiB); 8 amd.com/gpu on 1 node left out (the labels name several products, which pods cannot "
        "tell apart), 8 MI300X on 1 node left out (cordoned), 8 MI300X on 1 node left out (unhealthy: tainted "
        "amd-gpu-unhealthy)",
    )
    found = {one["metadata"]["name"]: one["spec"] for one in cluster.get("aimnodes")["items"]}
    assert found["mi300x-cordoned"]["reason"] == "cordoned"
    assert found["mi300x-unhealthy"]["reason"].startswith("unhealthy")
    assert not found["mi300x-cordoned"]["usable"]
    assert not found["mi300x-unhealthy"]["usable"]
    # Two products behind one resource name: no label would tell a pod which it gets.
    assert found["mi3xx-0"]["usable"]
    assert [pool["product"] for pool in found["mi3xx-0"]["pools"]] == ["CPU"]


def test_a_cordoned_node_leaves_the_inventory_and_comes_back(cluster, fleet):
    fleet("mi355x")
    wait_for_inventory(cluster, f"{USUAL}, 8 x MI355X (288 GiB)")
    cluster.kubectl("cordon", "mi355x-0")
    wait_for_inventory(cluster, f"{USUAL}; 8 MI355X on 1 node left out (cordoned)")
    cluster.kubectl("uncordon", "mi355x-0")
    wait_for_inventory(cluster, f"{USUAL}, 8 x MI355X (288 GiB)")


def test_a_node_that_loses_its_labels_or_its_gpus_leaves_the_inventory(cluster, fleet):
    fleet("mi355x", "h100")
    wait_for_inventory(cluster, f"8 x H100 (79.6 GiB), {USUAL}, 8 x MI355X (288 GiB)")
    labels = cluster.get("node", "mi355x-0")["metadata"]["labels"]
    cluster.kubectl("label", "node", "mi355x-0", *(f"{name}-" for name in labels if "amd.com" in name))
    patch = {"status": {"allocatable": {"nvidia.com/gpu": "0"}, "capacity": {"nvidia.com/gpu": "0"}}}
    cluster.kubectl("patch", "node", "h100-0", "--subresource=status", f"--patch={json.dumps(patch)}")
    wait_for_inventory(
        cluster,
        f"{USUAL}; 8 amd.com/gpu on 1 node left out (no label amd.com/gpu.device-id says what they are), 8 H100 on 1 "
        "node left out (labelled, but none is allocatable: the device plugin does not run, or devices are given by "
        "DRA, which the component dra reads)",
    )


def test_deleting_a_node_deletes_its_facts(cluster, fleet):
    fleet("mi355x")
    wait_for_inventory(cluster, f"{USUAL}, 8 x MI355X (288 GiB)")
    cluster.kubectl("delete", "node", "mi355x-0")
    cluster.wait_for("its facts to go", lambda: "mi355x" not in cluster.kubectl("get", "aimnodes"), SECONDS)
    wait_for_inventory(cluster, USUAL)


def test_heartbeats_write_nothing_and_ask_about_no_endpoint(space, installation):
    plane = space.plane
    space.apply(endpoint("calm", modelId="Qwen/Qwen3-32B"))
    space.ready("calm")
    wait_for_inventory(plane, USUAL)
    time.sleep(2)  # the echo of the last status

    def versions():
        return {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in written(plane)}

    def asked():
        return [calls(installation, hook) for hook in ("/node/sync", "/inventory/sync", "/endpoint/sync")]

    before, seen = versions(), asked()
    conditions = plane.get("node", "mi300x-0")["status"]["conditions"]
    for second in range(HEARTBEATS):
        moved = [one | {"lastHeartbeatTime": f"2030-01-01T00:00:{second:02}Z"} for one in conditions]
        patch = json.dumps({"status": {"conditions": moved}})
        plane.kubectl("patch", "node", "mi300x-0", "--subresource=status", f"--patch={patch}")
    plane.wait_for("the heartbeats to be seen", lambda: asked()[0] > seen[0], SECONDS)
    time.sleep(2)
    assert versions() == before
    node, inventories, endpoints = (now - then for now, then in zip(asked(), seen, strict=True))
    assert node > 0
    # A resync of everything may fall into this moment, but nothing is asked about once per heartbeat.
    assert inventories <= 1
    assert endpoints < HEARTBEATS / 2


def written(plane):
    """Everything that would be written if a heartbeat mattered."""
    kinds = "aimnodes,aiminventories,aimendpoints,aimrecipes,deployments"
    return plane.get(kinds, "--all-namespaces")["items"]
