"""Shapes of nodes: the largest are kept, few of them, and what an earlier release wrote counts as before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.node import GpuClass, NodePool, NodeShape, NodeSpec
from aimlib.hardware.inventory import EqualNodes, inventory_status
from aimlib.hardware.shapes import MOST_SHAPES, HostRequest, NodeSize, amounts, largest_shapes, shapes_of
from tests.aimlib.make import amd, inventory

some = st.none() | st.integers(0, 4).map(float)
sizes = st.builds(NodeSize, st.integers(0, 3), some, some, some, st.sampled_from([None, "amd64", "arm64"]))
requests = st.builds(HostRequest, *[st.integers(0, 4).map(float)] * 3)


@given(st.lists(sizes, min_size=1, max_size=MOST_SHAPES), requests)
def test_a_request_fits_one_of_the_largest_where_it_fits_any(nodes, request):
    every = [NodeShape(**size._asdict()) for size in nodes]
    kept = largest_shapes(nodes)
    assert {*kept} <= {*every}
    assert any(map(request.fits, kept)) == any(map(request.fits, every))
    assert largest_shapes(reversed(nodes)) == kept


@given(st.lists(sizes, min_size=1, max_size=9))
def test_no_kept_shape_is_within_another(nodes):
    kept = largest_shapes(nodes)
    for one in kept:
        for other in kept:
            within = all(mine <= theirs for mine, theirs in zip(amounts(one), amounts(other), strict=True))
            assert one == other or one.architecture != other.architecture or not within


def test_of_very_many_kinds_those_with_most_of_something_are_kept():
    kept = largest_shapes(NodeSize(8, float(cpus), float(5000 - cpus)) for cpus in range(5000))
    assert len(kept) == MOST_SHAPES
    assert (kept[0].cpus, kept[-1].memory_gib) == (4999, 5000)


def test_an_aimnode_of_an_earlier_release_has_its_devices_and_nothing_that_is_checked():
    pools = (
        NodePool(product="MI300X", vendor="amd", memory_gib=192, resource="amd.com/gpu", devices=8),
        NodePool(product="CPU", vendor="cpu", memory_gib=64, resource="cpu", devices=16),
    )
    found = inventory_status([EqualNodes(["old"], NodeSpec(usable=True, summary="x", pools=pools))])
    shapes = {one.product: one.shapes for one in found.classes}
    assert shapes == {
        "MI300X": (NodeShape(devices=8),),
        "CPU": (NodeShape(devices=16, cpus=16, memory_gib=64),),
    }
    assert HostRequest(10**6, 10**6, 10**6).fits(shapes["MI300X"][0])


@pytest.mark.parametrize(
    ("product", "shape"),
    [("MI300X", NodeShape(devices=8)), ("CPU", NodeShape(devices=8, cpus=8, memory_gib=192))],
)
def test_an_inventory_of_an_earlier_release_counts_as_before(product, shape):
    facts = {"vendor": "x", "memoryGiB": 192, "resource": "x", "devicesPerNode": 8, "nodes": 1, "total": 8}
    vendor = "cpu" if product == "CPU" else "amd"
    assert shapes_of(GpuClass.model_validate({**facts, "product": product, "vendor": vendor})) == (shape,)


def test_a_class_has_the_shapes_of_its_nodes():
    small, large = amd(allocatable={"cpu": "4"}), amd(count=4)
    (shapes,) = [one.shapes for one in inventory(small, large).classes if one.product == "MI300X"]
    assert [(shape.devices, shape.cpus) for shape in shapes] == [(8, 4), (4, 96)]
