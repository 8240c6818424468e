"""The inventory adds up what the nodes have, whatever their order, and holds on to what keeps devices apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.node import InventoryStatus
from aimlib.hardware.inventory import EqualNodes, inventory_status
from aimlib.hardware.nodes import node_facts
from aimlib.hardware.products import formats_of
from tests.aimlib.make import amd, inventory, node, nvidia

TEAM = {"key": "team", "value": "a", "effect": "NoSchedule"}

nodes = st.one_of(
    st.builds(amd, st.sampled_from(["74a1", "74a5", "75a3", "ffff"]), st.integers(0, 8)),
    st.builds(amd, st.just("74a1"), st.just(8), st.sampled_from(["191G", "192G", "24G"])),
    st.builds(nvidia, st.sampled_from(["NVIDIA-H100-80GB-HBM3", "NVIDIA-L40S", "x-SHARED"]), st.integers(0, 8)),
    st.builds(amd, taints=st.lists(st.sampled_from([TEAM, {**TEAM, "value": "b"}]), max_size=2, unique_by=str)),
    st.just(amd(unschedulable=True)),
    st.builds(
        lambda cores, memory: node({}, {"cpu": cores, "memory": memory}), st.integers(0, 64), st.integers(0, 10**12)
    ),
)
fleets = st.lists(nodes, max_size=8)


@given(fleets, st.randoms())
def test_the_order_of_nodes_does_not_matter(fleet, random):
    shuffled = [*fleet]
    random.shuffle(shuffled)
    assert inventory(*shuffled) == inventory(*fleet)


@given(fleets)
def test_every_device_of_a_usable_node_is_counted_once(fleet):
    usable = [spec for spec in map(node_facts, fleet) if spec.usable]
    found = inventory(*fleet)
    gpus = [pool for spec in usable for pool in spec.pools if pool.product != "CPU"]
    assert found.nodes == len(usable)
    assert found.gpus == sum(pool.devices for pool in gpus)
    assert sum(one.total for one in found.classes) == sum(pool.devices for spec in usable for pool in spec.pools)
    assert sum(one.nodes for one in found.classes) == sum(len(spec.pools) for spec in usable)


@given(fleets)
def test_a_class_is_no_larger_than_its_nodes_together_and_no_smaller_than_its_largest(fleet):
    for one in inventory(*fleet).classes:
        assert one.devices_per_node <= one.total <= one.devices_per_node * one.nodes


@given(fleets, nodes)
def test_one_more_node_takes_nothing_away(fleet, more):
    before, after = inventory(*fleet), inventory(*fleet, more)
    for one in before.classes:
        apart = {"devices_per_node", "nodes", "total", "memory_gib", "shapes"}
        (same,) = [
            other
            for other in after.classes
            if other.model_dump(exclude=apart) == one.model_dump(exclude=apart)
            and (one.product == "CPU" or other.memory_gib == one.memory_gib)
        ]
        assert (same.devices_per_node, same.nodes, same.total) >= (one.devices_per_node, one.nodes, one.total)
        assert same.memory_gib >= one.memory_gib


@given(fleets)
def test_what_is_written_can_be_read_back(fleet):
    found = inventory(*fleet)
    assert InventoryStatus.model_validate(found.wire()) == found


def test_an_empty_cluster_has_nothing():
    assert inventory_status([]) == InventoryStatus(nodes=0, gpus=0, summary="no GPUs", classes=())


def test_equal_nodes_are_one_class():
    found = inventory(amd(), amd(count=4), amd())
    gpus, processors = sorted(found.classes, key=lambda one: one.product == "CPU")
    assert (gpus.product, gpus.devices_per_node, gpus.nodes, gpus.total) == ("MI300X", 8, 3, 20)
    assert (processors.devices_per_node, processors.nodes, processors.total) == (96, 3, 288)
    assert (found.nodes, found.gpus, found.summary) == (3, 20, "20 x MI300X (192 GiB)")


@pytest.mark.parametrize(
    "other",
    [
        amd("74a5"),
        amd("74a9"),
        amd(vram="180G"),
        amd(taints=[TEAM]),
        node({"amd.com/gpu.device-id": "74a1"}, {"amd.com/spx_nps1": "8"}),
        node(
            {"amd.com/gpu.device-id": "74a1", "amd.com/gpu.compute-memory-partition": "cpx_nps4"}, {"amd.com/gpu": "8"}
        ),
    ],
    ids=["another product", "another device id", "less memory", "a taint", "another resource", "partitions"],
)
def test_devices_that_differ_for_a_pod_are_classes_of_their_own(other):
    assert len([one for one in inventory(amd(), other).classes if one.product != "CPU"]) == 2


def test_whole_and_shared_devices_are_classes_of_their_own():
    whole, shared = nvidia("NVIDIA-L40S"), nvidia("NVIDIA-L40S-SHARED")
    assert {one.shared for one in inventory(whole, shared).classes if one.product != "CPU"} == {True, False}
    by_mps = nvidia("NVIDIA-L40S")
    by_mps["metadata"]["labels"]["nvidia.com/gpu.sharing-strategy"] = "mps"
    assert {one.shared for one in inventory(whole, by_mps).classes if one.product != "CPU"} == {True, False}


def test_processors_are_one_class_with_the_shapes_of_their_nodes():
    small, large = node({}, {"cpu": "8", "memory": "16Gi"}), node({}, {"cpu": "4", "memory": "64Gi"})
    (one,) = inventory(small, large).classes
    assert (one.product, one.memory_gib, one.devices_per_node, one.total) == ("CPU", 64, 8, 12)
    assert [(shape.cpus, shape.memory_gib) for shape in one.shapes] == [(8, 16), (4, 64)]


def test_nodes_that_cannot_be_used_are_not_there():
    assert inventory(amd(unschedulable=True), amd(taints=[{"key": "amd-dcm", "effect": "NoExecute"}])).nodes == 0


def test_the_summary_adds_up_equal_devices_behind_different_taints():
    assert inventory(amd(), amd(taints=[TEAM]), nvidia()).summary == "8 x H100 (79.2 GiB), 16 x MI300X (192 GiB)"


def test_a_cluster_of_very_many_kinds_has_an_inventory_too():
    kinds = [amd("ffff", 8, f"{memory}G") for memory in range(1, 193)]
    found = inventory(*kinds)
    assert (found.gpus, len(found.classes), len(found.summary)) == (1536, 193, 1024)


def test_a_class_says_which_formats_of_weights_it_serves():
    found = {one.product: one.precisions for one in inventory(amd("740f")).classes}
    assert found == {"MI210": ("bf16", "fp16", "int8", "int4", "fp4"), "CPU": ("bf16", "fp16", "int8", "int4")}


def test_a_product_that_this_release_does_not_know_serves_nothing_that_could_be_said():
    known = node_facts(amd())
    renamed = [pool.model_copy(update={"product": "MI999X", "architecture": "gfx9999"}) for pool in known.pools]
    assert {
        one.precisions
        for one in inventory_status([EqualNodes(["n"], known.model_copy(update={"pools": tuple(renamed)}))]).classes
    } == {()}


def test_a_product_that_is_in_no_table_serves_what_its_architecture_does():
    labels = {"nvidia.com/gpu.product": "NVIDIA-X9", "nvidia.com/gpu.memory": "24564"}
    capability = {"nvidia.com/gpu.compute.major": "8", "nvidia.com/gpu.compute.minor": "9"}
    found = {one.product: one for one in inventory(node(labels | capability, {"nvidia.com/gpu": "1"})).classes}
    assert found["NVIDIA-X9"].architecture == "sm_89"
    assert found["NVIDIA-X9"].precisions == formats_of("sm_89")
    unlabelled = inventory(node(labels | {"nvidia.com/gpu.compute.major": "8"}, {"nvidia.com/gpu": "1"})).classes
    assert {one.architecture for one in unlabelled} == {None}
