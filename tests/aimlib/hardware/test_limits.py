"""What one node cannot have together, however its devices are told apart."""

import pytest

from aimlib.api.node import LeftOut, NodePool
from aimlib.hardware.dynamic import with_slices
from aimlib.hardware.limits import MOST_KINDS, TOO_MANY_KINDS, few_kinds, plausible
from aimlib.hardware.nodes import node_facts
from aimlib.hardware.products import known_products
from tests.aimlib.hardware.test_dynamic import NODE, gpus, one_slice
from tests.aimlib.hardware.test_slices import device, facts
from tests.aimlib.make import node

TOGETHER = "such devices on one node, of all kinds together"


def pool(devices, memory=192.0, partition=None, product="MI300X", vendor="amd", **given):
    return NodePool(
        product=product,
        vendor=vendor,
        memory_gib=memory,
        partition=partition,
        resource=f"{vendor}.com/gpu",
        devices=devices,
        **given,
    )


@pytest.mark.parametrize(
    ("pools", "reason"),
    [
        ([pool(8)], None),
        ([pool(4, 191.7), pool(4, 191.8)], None),
        ([pool(8, 191.7), pool(8, 191.8), pool(8, 191.9)], f"implausible: MI300X has at most 8 {TOGETHER}"),
        ([pool(4), pool(32, 24, "cpx_nps4")], None),
        ([pool(4), pool(33, 24, "cpx_nps4")], f"implausible: MI300X has at most 8 {TOGETHER}"),
        ([pool(8), pool(8, 128, product="MI210")], None),
        ([pool(8, product="X1"), pool(8, 191, product="X1")], None),
        ([pool(1000, product="X1"), pool(24, 191, product="X1")], None),
        ([pool(1024, 1, "new_nps1"), pool(1, 2, "new_nps1")], "implausible: 1025 devices on one node, of all kinds"),
        ([pool(4, 80, None, "H100", "nvidia"), pool(42, 9.6, "1g.10gb", "H100", "nvidia")], None),
        (
            [pool(5, 80, None, "H100", "nvidia"), pool(42, 9.6, "1g.10gb", "H100", "nvidia")],
            f"implausible: H100 has at most 10 {TOGETHER}",
        ),
        # A shared device is there as often as it is shared.
        ([pool(8, 80, None, "H100", "nvidia"), pool(80, 80, None, "H100", "nvidia", shared=True)], None),
    ],
    ids=str,
)
def test_the_devices_of_a_product_are_counted_over_all_of_its_kinds(pools, reason):
    found = list(plausible(pools, known_products()))
    if reason is None:
        assert found == pools
    else:
        assert all(isinstance(one, LeftOut) and one.reason.startswith(reason) for one in found)
        assert [one.devices for one in found] == [one.devices for one in pools]


def test_what_a_node_cannot_have_alone_takes_no_room_of_the_rest():
    alone, rest = plausible([pool(100), pool(8, 191.7)], known_products())
    assert alone.reason == "implausible: MI300X has at most 8 such devices on one node"
    assert rest == pool(8, 191.7)


def test_slices_of_a_node_have_together_what_one_may_have():
    kinds = [gpus(8).model_copy(update={"memory_gib": gib}) for gib in (191.7, 191.8, 191.9)]
    found = with_slices(NODE, [one_slice(*kinds)])
    assert [one.product for one in found.pools] == ["CPU"]
    # One row, since the inventory counts the node once for each.
    [left] = found.left_out
    assert (left.devices, left.reason) == (24, f"implausible: MI300X has at most 8 {TOGETHER}")


def test_devices_of_more_kinds_than_a_node_has_are_one_row():
    rows = [pool(2, memory) for memory in range(MOST_KINDS)]
    assert few_kinds(iter(rows), "amd.com/gpu") == rows
    left = LeftOut(resource="x", devices=3, reason="y")
    assert few_kinds([*rows, left], "amd.com/gpu") == [
        LeftOut(resource="amd.com/gpu", devices=2 * MOST_KINDS + 3, reason=TOO_MANY_KINDS)
    ]


def test_a_slice_of_too_many_kinds_is_one_row():
    found = facts(*(device(productName=f"X{number}") for number in range(MOST_KINDS + 1)))
    assert (found.pools, found.slice.devices) == ((), MOST_KINDS + 1)
    assert found.left_out == (LeftOut(resource="amd.com/gpu", devices=MOST_KINDS + 1, reason=TOO_MANY_KINDS),)


def test_slices_of_too_many_kinds_together_are_one_row():
    kinds = [gpus(1).model_copy(update={"product": f"X{number}"}) for number in range(MOST_KINDS + 1)]
    found = with_slices(NODE, [one_slice(one, pool=one.product) for one in kinds])
    assert found.pools == NODE.pools
    assert found.left_out == (LeftOut(resource="amd.com/gpu", devices=MOST_KINDS + 1, reason=TOO_MANY_KINDS),)
    assert with_slices(NODE, [one_slice(one, pool=one.product, slices=2) for one in kinds]).left_out == (
        LeftOut(resource="amd.com/gpu", devices=8 * (MOST_KINDS + 1), reason=TOO_MANY_KINDS),
    )


def test_a_node_with_too_many_resources_is_one_row():
    labels = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    resources = {f"nvidia.com/mig-1g.10gb.{number}": "1" for number in range(MOST_KINDS + 1)}
    found = node_facts(node(labels, resources))
    assert [one.product for one in found.pools] == ["CPU"]
    assert found.left_out == (LeftOut(resource="nvidia.com/gpu", devices=MOST_KINDS + 1, reason=TOO_MANY_KINDS),)


def test_a_node_has_not_all_its_gpus_whole_and_in_parts():
    labels = {"amd.com/gpu.device-id": "74a1", "amd.com/gpu.vram": "192G"}
    found = node_facts(node(labels, {"amd.com/gpu": "8", "amd.com/cpx_nps1": "64"}))
    assert [one.product for one in found.pools] == ["CPU"]
    assert {one.reason for one in found.left_out} == {f"implausible: MI300X has at most 8 {TOGETHER}"}
