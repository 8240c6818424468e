"""Slices and their node together: each device counts once, and the order in which slices come changes nothing."""

from itertools import permutations

import pytest

from aimlib.api.node import DeviceSlice, DevicesOfGpu, DynamicDevices, LabelledDevices, LeftOut, NodePool, NodeSpec
from aimlib.hardware.device_kinds import ON_DEMAND
from aimlib.hardware.dynamic import NO_NODE, UNKNOWN_DRIVER, SliceFacts, claimed, with_slices
from aimlib.hardware.inventory import MOST_NODE_NAMES, EqualNodes, inventory_status
from aimlib.hardware.labels import NODE_NAME
from aimlib.hardware.same_gpu import ALTERNATIVE, ALTERNATIVES, DIVIDED_GPU, TWICE

CORES = NodePool(product="CPU", vendor="cpu", memory_gib=100, resource="cpu", devices=64)
NODE = NodeSpec(usable=True, summary="x", pools=(CORES,))
DYNAMIC = DynamicDevices(driver="gpu.amd.com", device_class="gpu.amd.com", extended_resource="amd.com/gpu")


def gpus(devices=8, partition=None, resource="amd.com/gpu", **given):
    return NodePool(
        product="MI300X",
        vendor="amd",
        memory_gib=24 if partition else 192,
        partition=partition,
        resource=resource,
        devices=devices,
        dynamic=DYNAMIC.model_copy(update={"extended_resource": resource}),
        **given,
    )


def one_slice(*pools, pool="a", generation=1, slices=1, driver="gpu.amd.com"):
    gives = {}
    for one in pools:
        gives.setdefault(one.resource, []).append(f"{one.product} {one.partition or ''}")
    about = DeviceSlice(
        node="a", driver=driver, pool=pool, generation=generation, slices=slices, devices=8, gives=gives
    )
    return SliceFacts(about, NodeSpec(usable=True, summary="x", pools=pools))


def test_a_node_without_slices_stays_as_it_is():
    assert with_slices(NODE, []) is NODE
    assert with_slices(None, []) is NO_NODE


def test_a_driver_that_only_another_release_knows_leaves_its_devices_out():
    found = with_slices(NODE, [one_slice(gpus(), driver="gpu.example.com"), one_slice(gpus())])
    assert [pool.product for pool in found.pools] == ["MI300X", "CPU"]
    assert found.left_out == (LeftOut(resource="gpu.example.com", devices=8, reason=UNKNOWN_DRIVER),)
    alone = with_slices(NODE, [one_slice(gpus(), driver="gpu.example.com")])
    assert (alone.pools, alone.left_out) == (NODE.pools, found.left_out)


def test_processors_are_last():
    assert [pool.product for pool in with_slices(NODE, [one_slice(gpus())]).pools] == ["MI300X", "CPU"]


def test_slices_are_added_up_in_any_order():
    slices = [
        one_slice(gpus(4), slices=2),
        one_slice(gpus(3), slices=2),
        one_slice(gpus(5), pool="b", generation=1),
        one_slice(gpus(8, "cpx_nps4"), pool="b", generation=2),
        one_slice(gpus(1), pool="c", slices=2),
    ]
    found = [with_slices(NODE, order) for order in permutations(slices)]
    assert all(one == found[0] for one in found)
    assert [(pool.partition, pool.devices, pool.resource) for pool in found[0].pools] == [
        (None, 7, "gpu.amd.com"),
        ("cpx_nps4", 8, "gpu.amd.com"),
        (None, 64, "cpu"),
    ]
    [left] = found[0].left_out
    assert left.reason == "1 of 2 ResourceSlices of their pool are there"


@pytest.mark.parametrize(
    ("pool", "labels", "product", "expected"),
    [
        (gpus(), LabelledDevices(node_label="k=v"), "MI300X", "k=v"),
        (gpus(), LabelledDevices(node_label="k=v"), "MI325X", NODE_NAME),
        (gpus(), None, "MI300X", NODE_NAME),
        (gpus(), LabelledDevices(node_label="k=v", partition="cpx_nps4"), "MI300X", NODE_NAME),
        (gpus(8, "cpx_nps4"), LabelledDevices(node_label="k=v", partition="cpx_nps4"), "MI300X", "k=v"),
        (gpus(8, "cpx_nps4", "amd.com/cpx_nps4"), LabelledDevices(node_label="k=v"), "MI300X", "k=v"),
        (gpus(8, None, "example.com/gpu"), LabelledDevices(node_label="k=v"), "MI300X", NODE_NAME),
        (claimed(gpus()), LabelledDevices(node_label="k=v"), "MI300X", None),
    ],
)
def test_nodes_are_found_by_a_label_that_says_enough_or_by_name(pool, labels, product, expected):
    left = LeftOut(product=product, resource="amd.com/gpu", devices=8, reason="x", labelled=labels)
    node = NODE.model_copy(update={"left_out": (left,)}) if labels else NODE
    found = with_slices(node, [one_slice(pool)])
    assert [one.node_label for one in found.pools] == [expected, None]
    assert not found.left_out


def test_labels_of_another_vendor_stay_left_out():
    left = LeftOut(
        product="H100", resource="nvidia.com/gpu", devices=8, reason="x", labelled=LabelledDevices(node_product="H100")
    )
    node = NODE.model_copy(update={"left_out": (left,)})
    assert with_slices(node, [one_slice(gpus())]).left_out == (left,)


def test_more_nodes_than_pods_select_by_name_are_had_by_claims_alone():
    node = with_slices(NODE, [one_slice(gpus())])
    names = [f"node-{number:02}" for number in range(MOST_NODE_NAMES + 1)]
    few, many = (inventory_status([EqualNodes(names[:count], node)]) for count in (MOST_NODE_NAMES, len(names)))
    [found] = [one for one in few.classes if one.product == "MI300X"]
    assert (found.resource, len(found.node_labels)) == ("amd.com/gpu", MOST_NODE_NAMES)
    [found] = [one for one in many.classes if one.product == "MI300X"]
    assert (found.resource, found.node_labels, found.nodes) == ("gpu.amd.com", (), len(names))


def test_what_is_claimed_stays_so():
    assert claimed(CORES) is CORES
    assert claimed(claimed(gpus())) == claimed(gpus())


def of_gpus(facts, *gpus):
    return facts._replace(slice=facts.slice.model_copy(update={"gpus": gpus}))


def one_gpu(form, gpu, kind=0, devices=1, counters=()):
    return DevicesOfGpu(form=form, gpu=gpu, kind=kind, devices=devices, counters=counters)


def eight_parts(gpu, parts, kind=0):
    return DevicesOfGpu(form="Part", gpu=gpu, kind=kind, devices=8, parts=tuple(parts))


@pytest.mark.parametrize(
    ("first", "second", "pools", "left_out"),
    [
        (("Whole", "a"), ("Whole", "b"), [(None, 1), ("cpx_nps4", 8)], {}),
        (("Whole", "a"), ("Part", "a"), [("cpx_nps4", 8)], {DIVIDED_GPU: 1}),
        (("Whole", "a"), ("OnDemand", "a"), [(None, 1)], {ALTERNATIVE: 8}),
        (("Whole", "a", None), ("OnDemand", "a"), [(None, 1)], {ON_DEMAND: 8}),
        (("OnDemand", "a"), ("OnDemand", "a"), [], {ALTERNATIVES: 9}),
        (("Whole", ""), ("OnDemand", "", 0, 8, ("a/0",)), [(None, 1), ("cpx_nps4", 8)], {}),
        (("Whole", "", 0, 1, ("a/0",)), ("OnDemand", "", 0, 8, ("a/0",)), [(None, 1)], {ALTERNATIVE: 8}),
        (("Whole", "a", 7), ("Part", "a", 7), [(None, 1), ("cpx_nps4", 8)], {}),
    ],
)
def test_what_two_slices_have_of_a_gpu_counts_once_in_any_order(first, second, pools, left_out):
    parts = (*second, 0, 8)[:4] if len(second) == 2 else second
    slices = [
        of_gpus(one_slice(gpus(1), pool="p"), one_gpu(*first)),
        of_gpus(one_slice(gpus(8, "cpx_nps4"), pool="q"), one_gpu(*parts)),
    ]
    found = [with_slices(NODE, order) for order in permutations(slices)]
    assert found[0] == found[1]
    assert [(one.partition, one.devices) for one in found[0].pools[:-1]] == pools
    counted = {}
    for one in found[0].left_out:
        counted[one.reason] = counted.get(one.reason, 0) + one.devices
    assert counted == left_out


def test_a_gpu_of_which_two_pools_tell_counts_once():
    twice = [of_gpus(one_slice(gpus(1), pool=pool), one_gpu("Whole", "a")) for pool in ("p", "q")]
    found = with_slices(NODE, twice)
    assert [one.devices for one in found.pools] == [1, 64]
    assert [(one.devices, one.reason) for one in found.left_out] == [(1, TWICE)]


NAMED = [f"gpu-{number}" for number in range(8)]


@pytest.mark.parametrize(
    ("second", "counted"),
    [
        (eight_parts("a", NAMED), 8),
        (eight_parts("a", [*NAMED[:6], "other"]), 10),
        (eight_parts("b", NAMED), 16),
        (eight_parts("a", ()), 16),
        (eight_parts("a", NAMED, None), 16),
        (eight_parts("a", [*NAMED, "one more than there are"], 7), 16),
    ],
)
def test_a_part_of_which_two_pools_tell_counts_once_in_any_order(second, counted):
    slices = [
        of_gpus(one_slice(gpus(8, "cpx_nps4"), pool=pool), one)
        for pool, one in (("p", eight_parts("a", NAMED)), ("q", second))
    ]
    found = [with_slices(NODE, order) for order in permutations(slices)]
    assert found[0] == found[1]
    assert [one.devices for one in found[0].pools] == [counted, 64]
    assert [(one.devices, one.reason) for one in found[0].left_out] == [(16 - counted, TWICE)] * (counted < 16)
