"""Which nodes are equal for the inventory, so that a thousand of them are read once."""

import pytest

from hooks.inventory import _without_names, equal_nodes


def of_slice(node, number, slices, gpus):
    about = {
        "node": node,
        "driver": "gpu.nvidia.com",
        "pool": node,
        "generation": 1,
        "slices": slices,
        "devices": 0,
        "gpus": gpus,
    }
    return {
        "metadata": {"name": f"{node}-{number}"},
        "spec": {"usable": True, "summary": "x", "slice": about},
    }


def names(*nodes):
    return sorted(one.names for one in equal_nodes(nodes))


@pytest.mark.parametrize("slices", [1, 2])
def test_nodes_whose_gpus_have_other_ids_are_equal(slices):
    nodes = [
        of_slice(node, number, slices, [{"form": "Whole", "gpu": f"{node}-0", "counters": [f"{node}/0"], "devices": 1}])
        for node in ("a", "b")
        for number in range(slices)
    ]
    assert names(*nodes) == [["a", "b"]]


def test_nodes_of_which_one_has_a_gpu_in_two_slices_are_not():
    own, shared = (
        [of_slice(node, number, 2, [{"form": "Whole", "gpu": ids[number], "devices": 1}]) for number in range(2)]
        for node, ids in (("a", "01"), ("b", "00"))
    )
    assert names(*own, *shared) == [["a"], ["b"]]


def test_a_gpu_that_cannot_be_read_is_no_other_than_it_is():
    assert [one["gpus"] for one in _without_names([{"gpus": ["x", {"gpu": "a"}]}, {"gpus": [{"gpu": "a"}]}])] == [
        ["x", {"gpu": 0, "counters": []}],
        [{"gpu": 0, "counters": []}],
    ]
