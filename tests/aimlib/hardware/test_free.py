"""What is free of the devices of nodes, and how many replicas have room in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.node import DynamicDevices, NodePool, NodeSpec
from aimlib.api.room import FreeHardware, FreeNodes
from aimlib.hardware.free import (
    NodeUse,
    extended_requests,
    format_free,
    free_devices_of,
    free_hardware,
    replicas_with_room,
)

GPU = "amd.com/gpu"


def pool(devices=8, **changed):
    fields = {"product": "MI300X", "vendor": "amd", "memory_gib": 192, "resource": GPU, "devices": devices}
    return NodePool(**{**fields, **changed})


def use(*pools, usable=True, **requested):
    spec = NodeSpec(usable=usable, summary="", pools=pools)
    return NodeUse(spec, {GPU: requested["gpus"]} if requested else {})


def free(*uses):
    return free_hardware(uses, lambda *_: True)


def counts(one):
    return {same.free: same.nodes for same in one.nodes}


def test_nodes_are_counted_by_their_free_devices():
    [found] = free(use(pool()), use(pool()), use(pool(), gpus=3), use(pool(), gpus=8), use(pool(), gpus=9))
    assert (found.product, found.partition, found.resource) == ("MI300X", None, GPU)
    assert counts(found) == {8: 2, 5: 1}


def test_partitions_are_kinds_of_their_own():
    found = free(use(pool(), pool(64, partition="cpx_nps4", resource="amd.com/cpx_nps4"), gpus=1))
    assert {one.partition: counts(one) for one in found} == {None: {7: 1}, "cpx_nps4": {64: 1}}


def dynamic(resource):
    return DynamicDevices(driver="gpu.amd.com", device_class="gpu.amd.com", extended_resource=resource)


@pytest.mark.parametrize(
    ("node", "known"),
    [
        (use(pool(), usable=False), False),
        (use(pool(shared=True)), False),
        (use(pool(product="CPU", vendor="cpu", resource="cpu")), False),
        (use(pool(dynamic=dynamic(None), resource="gpu.amd.com")), False),
        (use(pool(dynamic=dynamic(GPU))), True),
    ],
)
def test_what_requests_tell_nothing_of_is_not_counted(node, known):
    assert bool(free(node)) is known


def test_nodes_that_a_pod_may_not_use_have_nothing_free():
    [found] = free_hardware([use(pool())], lambda *_: False)
    assert found.nodes == ()


@given(st.lists(st.tuples(st.integers(0, 16), st.integers(0, 20)), max_size=12), st.integers(1, 9))
def test_replicas_have_room_as_on_each_node_alone(nodes, devices):
    uses = [use(pool(there), gpus=taken) for there, taken in nodes]
    found, mirrored = free(*uses), free(*reversed(uses))
    assert found == mirrored
    assert replicas_with_room(found, devices) == sum(max(there - taken, 0) // devices for there, taken in nodes)


def test_of_a_kind_that_nobody_looked_at_nothing_is_known():
    known = free(use(pool()))
    assert free_devices_of(known, [pool()]) == known
    assert free_devices_of(known, [pool(), pool(partition="cpx_nps4")]) is None


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([(8, 2), (3, 1)], "19 free, at most 8 on one node"),
        ([(1, 1)], "1 free, at most 1 on one node"),
        ([], "none free"),
    ],
)
def test_it_is_told_how_many_are_free_and_on_one_node(nodes, words):
    listed = tuple(FreeNodes(free=count, nodes=number) for count, number in nodes)
    assert format_free([FreeHardware(product="MI300X", resource=GPU, nodes=listed)]) == words


def requests(count, **fields):
    return {"resources": {"requests": {GPU: str(count), "cpu": "4"}}, **fields}


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({"containers": [requests(2), requests(1)]}, 3),
        ({"containers": [requests(2)], "initContainers": [requests(4)]}, 4),
        ({"containers": [requests(2)], "initContainers": [requests(1)]}, 2),
        ({"containers": [requests(2)], "initContainers": [requests(1, restartPolicy="Always")]}, 3),
    ],
)
def test_a_pod_takes_what_the_scheduler_counts(spec, count):
    assert extended_requests(spec) == {GPU: count}


def test_a_pod_without_devices_takes_none():
    assert extended_requests({"containers": [{"name": "a"}, {"resources": {"requests": {"cpu": "1"}}}]}) == {}
