"""Nodes that may come are used where nothing that is there fits, and change nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.config import Config
from aimlib.hardware.coming import coming_classes
from aimlib.hardware.placement import PlacedDevices, admits, node_terms
from aimlib.hardware.products import known_products
from aimlib.selection.coming import select_with_coming
from aimlib.selection.select import select
from tests.aimlib.make import amd, configuration, endpoint, inventory, listed, node
from tests.aimlib.strategies import catalogues, fleets, specs

ALL = Config(listed_candidates=100)


def pool(product="MI355X", count=8, **more):
    return {"product": product, "gpusPerNode": count, "labels": {"pool": product.lower()}, **more}


def coming(*pools):
    stated = Config.model_validate({"hardwareMayCome": pools}).hardware_may_come
    return coming_classes(stated, known_products())


def together(fleet, *pools):
    there = inventory(*fleet)
    return there.model_copy(update={"classes": (*there.classes, *coming(*pools))})


@given(specs, catalogues, fleets)
def test_without_the_setting_nothing_is_different(spec, catalogue, fleet):
    cluster = inventory(*fleet)
    assert select_with_coming(spec, catalogue, cluster, ALL) == select(spec, catalogue, cluster, ALL)


pools = st.builds(pool, st.sampled_from(["MI300X", "MI325X", "H100", "MI210"]), st.sampled_from([1, 8]))


@given(specs, catalogues, fleets, st.lists(pools, max_size=3))
def test_what_is_there_is_never_passed_over_for_what_may_come(spec, catalogue, fleet, stated):
    there = select(spec, catalogue, inventory(*fleet), ALL)
    found = select_with_coming(spec, catalogue, together(fleet, *stated), ALL)
    if there.resolved:
        assert found == there
    elif found.resolved:
        assert found.resolved.may_come
        assert found.resolved.product in {one["product"] for one in stated}
        assert there.selection.message[:100] in found.selection.message
    else:
        assert found.selection.candidates == there.selection.candidates
        assert found.selection.message.startswith(there.selection.message[:100])


RECIPES = (listed("r", configuration(8), hardware="MI355X"),)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (pool(), None),
        (pool(count=4), "nor on MI355X"),
        (pool(cpus=8), "nor on MI355X"),
        (pool(memoryGiB=64), "nor on MI355X"),
        (pool(cpus=64, memoryGiB=512), None),
        (pool(taints=[{"key": "amd.com/gpu", "effect": "NoSchedule"}]), None),
        (pool(taints=[{"key": "team", "value": "a", "effect": "NoSchedule"}]), "nor on MI355X"),
    ],
)
def test_what_is_stated_of_a_pool_is_checked_as_of_a_node(stated, words):
    found = select_with_coming(endpoint(), RECIPES, together([node()], stated), ALL)
    assert (found.resolved is None) == (words is not None)
    assert (words or "no node with MI355X is there, and one may come") in found.selection.message


def test_of_two_pools_pods_go_to_one():
    """A template has the labels of its own pool, and no node has those of both."""
    two = (pool(), {**pool(), "labels": {"zone": "b"}})
    resolved = select_with_coming(endpoint(), RECIPES, together([], *two), ALL).resolved
    assert resolved.node_labels == ("pool=mi355x",)


def test_pods_require_of_a_node_that_may_come_what_its_template_has():
    [one] = coming({**pool(), "labels": {"pool": "a", "karpenter.sh/nodepool": "b"}})
    terms = node_terms(PlacedDevices(one.resource, None, ("75a3",), (), one.node_labels, may_come=True))
    template = {"pool": "a", "karpenter.sh/nodepool": "b"}
    assert admits(terms, template)
    assert admits(terms, {**template, "amd.com/gpu.device-id": "75a3"})
    assert not admits(terms, {"pool": "a", "amd.com/gpu.device-id": "75a3"})
    assert not admits(terms, {**template, "amd.com/gpu.compute-memory-partition": "cpx_nps4"})


def test_a_node_that_came_is_the_same_choice():
    waits = select_with_coming(endpoint(), RECIPES, together([], pool()), ALL).resolved
    came = select_with_coming(endpoint(), RECIPES, together([amd("75a3")], pool()), ALL).resolved
    assert (waits.may_come, came.may_come) == (True, None)
    assert not came.differs_from(waits)
    assert came.with_template_of(waits) == waits
    other = select_with_coming(endpoint(gpuCount=4), (listed("r", configuration(4), hardware="MI355X"),),
                               together([amd("75a3")]), ALL).resolved  # fmt: skip
    assert other.differs_from(waits)


def test_a_pool_of_a_product_that_the_table_lost_is_left_out():
    [stated] = Config.model_validate({"hardwareMayCome": [pool()]}).hardware_may_come
    assert coming_classes([stated.model_copy(update={"product": "gone"})], known_products()) == ()
