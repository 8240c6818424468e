"""Where pods may run: what node selectors ask for, as far as the inventory knows it."""

import pytest

from aimlib.hardware.placement import lacking, node_selector


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((), []),
        (("rack=a",), []),
        (("pool=gold",), []),
        (("pool=silver", "rack=a"), ["pool=gold"]),
        (("!pool",), ["pool=gold"]),
    ],
)
def test_what_nodes_certainly_lack_of_a_selector(labels, expected):
    assert lacking({"pool": "gold"}, labels) == expected


def test_an_endpoint_adds_to_the_node_selector_of_the_settings():
    assert node_selector({"a": "1", "b": "1"}, {"b": "2", "c": "2"}) == {"a": "1", "b": "2", "c": "2"}
