"""A replica on several nodes: how many of one class there are, and what the parts of it need."""

import pytest

from aimlib.api.node import GpuClass, InventoryStatus
from aimlib.api.recipe import RecipeSpec
from aimlib.config import Config
from aimlib.hardware.products import known_products
from aimlib.selection.gpu_memory import Layout, required_memory
from aimlib.selection.launch import launch
from aimlib.selection.parallel import Parallel, layout_text
from aimlib.selection.roofline import Placed, Workload, predict
from aimlib.selection.select import select
from tests.aimlib.make import FACTS, MODEL, amd, configuration, endpoint, inventory, listed, recipe

MI300X = {"product": "MI300X", "vendor": "amd", "architecture": "gfx942", "memory_gib": 192, "resource": "amd.com/gpu"}
TWO = configuration(16, nodes=2, args=["--tensor-parallel-size=8", "--pipeline-parallel-size=2"])


def decided(found, *configurations, groups=True, **spec):
    return select(endpoint(**spec), [listed("r", *configurations)], found, Config(), groups=groups)


def test_two_equal_nodes_are_enough_and_each_pod_has_its_part():
    found = decided(inventory(amd(name="a"), amd(name="b")), TWO)
    assert (found.resolved.gpu_count, found.resolved.nodes, found.resolved.gpus_per_node) == (16, 2, 8)
    assert found.selection.message == "r with 16 GPUs on 2 nodes: the only configuration"
    assert found.selection.layout == "TP 8 x PP 2 on 2 nodes"


def test_nodes_of_two_classes_do_not_add_up():
    tainted = amd(name="b", taints=[{"key": "amd.com/gpu", "value": "present", "effect": "NoSchedule"}])
    found = decided(inventory(amd(name="a"), tainted), TWO)
    assert found.resolved is None
    assert "needs 2 equal nodes with 8 GPUs each; the cluster has 1 node with as many" in found.selection.message


def test_equal_nodes_that_do_not_count_are_told():
    found = decided(inventory(amd(name="a"), amd(name="b", unschedulable=True)), TWO)
    assert "1 node with as many, and 8 on 1 node left out (cordoned)" in found.selection.message


def test_what_a_node_lacks_is_told_as_for_one_node():
    found = decided(inventory(amd(name="a", count=4), amd(name="b", count=4)), TWO)
    assert "needs 8 GPUs on one node; the cluster has at most 4" in found.selection.message


def test_a_node_that_is_small_counts_by_its_devices():
    sizes = {"devices_per_node": 8, "nodes": 3, "total": 12}
    one = GpuClass(**MI300X, **sizes)
    assert "has 1 node with as many" in decided(InventoryStatus(classes=(one,)), TWO).selection.message


def test_a_pool_that_may_come_may_have_as_many_as_are_needed():
    sizes = {"devices_per_node": 8, "nodes": 1, "total": 8, "may_come": True}
    one = GpuClass(**MI300X, **sizes)
    assert decided(InventoryStatus(classes=(one,)), TWO).resolved.nodes == 2


def test_without_what_runs_groups_one_node_is_taken_and_the_component_is_named():
    there = inventory(amd(name="a"), amd(name="b"))
    assert decided(there, configuration(8), TWO, groups=False, gpuCount=8).resolved.nodes is None
    found = decided(there, TWO, groups=False)
    assert "needs LeaderWorkerSets, since a replica is on 2 nodes; the cluster has none: the component" in (
        found.selection.message
    )


@pytest.mark.parametrize(("count", "nodes", "good"), [(16, 2, True), (8, 1, True), (9, 2, False), (0, 2, False)])
def test_every_node_has_as_many_gpus(count, nodes, good):
    raw = {"modelId": MODEL, "hardware": "MI300X", "precision": "bf16", "backend": "vllm"}
    raw |= {"configurations": [{"gpuCount": count, "nodes": nodes}]}
    if good:
        assert RecipeSpec.model_validate(raw).configurations[0].nodes == nodes
    else:
        with pytest.raises(ValueError, match="gpuCount is a multiple of nodes"):
            RecipeSpec.model_validate(raw)


def test_the_flags_of_a_group_are_the_operators():
    spec = recipe({**TWO, "args": [*TWO["args"], "--nnodes=4", "--headless"]})
    found = launch(spec, spec.configurations[0])
    assert "--nnodes" not in found.args
    assert "--nnodes 4 is dropped: nodes of the configuration decides" in found.notes


def test_a_stage_of_the_pipeline_has_its_layers_and_a_remainder_is_one_more():
    facts = recipe(configuration(1)).facts
    three = required_memory(facts, Layout(Parallel(1, 3), tokens=1), 80)
    assert three.weights == pytest.approx(61 * 22 / 64)


def test_what_is_between_nodes_is_slower():
    facts = recipe(configuration(1), facts=FACTS | {"parametersBillions": 32.8}).facts
    hardware, workload = known_products().product("H100"), Workload(1000, 500, 32)
    one, two = (
        predict(facts, Placed(hardware, "bf16", Parallel(16, nodes=nodes), 2.0, 10**6), workload) for nodes in (1, 2)
    )
    assert two.per_token > one.per_token
    within = predict(facts, Placed(hardware, "bf16", Parallel(8, 2, nodes=2), 2.0, 10**6), workload)
    same = predict(facts, Placed(hardware, "bf16", Parallel(8, 2), 2.0, 10**6), workload)
    assert within == same


def test_the_layout_of_a_plain_replica_on_several_nodes_names_them():
    assert layout_text(Parallel(16, nodes=2), None) == "TP 16 on 2 nodes"
