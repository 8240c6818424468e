"""AIMNode and AIMInventory: taints in words, and what a stored object must be."""

import pytest
from pydantic import ValidationError

from aimlib.api import API_VERSION
from aimlib.api.node import AIMInventory, AIMNode, Taint


@pytest.mark.parametrize(
    ("taint", "words"),
    [
        (Taint(key="team", value="a", effect="NoSchedule"), "team=a:NoSchedule"),
        (Taint(key="amd.com/gpu", effect="NoExecute"), "amd.com/gpu:NoExecute"),
    ],
)
def test_a_taint_is_written_as_kubectl_writes_it(taint, words):
    assert str(taint) == words


def test_an_effect_that_kubernetes_does_not_have_is_refused():
    with pytest.raises(ValidationError, match="NoSchedule"):
        Taint(key="team", effect="Sometimes")


def test_a_stored_node_is_read_by_its_name():
    raw = {
        "apiVersion": API_VERSION,
        "kind": "AIMNode",
        "metadata": {"name": "n", "uid": "1"},
        "spec": {"usable": True, "summary": "CPU, 4 cores", "pools": []},
    }
    assert AIMNode.model_validate(raw).name == "n"


def test_an_inventory_that_was_never_filled_is_empty():
    raw = {"apiVersion": API_VERSION, "kind": "AIMInventory", "metadata": {"name": "cluster"}}
    found = AIMInventory.model_validate(raw)
    assert (found.status.nodes, found.status.gpus, found.status.classes) == (0, 0, ())


def test_memory_keeps_its_unit_in_the_name_of_the_field():
    raw = {"product": "MI300X", "vendor": "amd", "memoryGiB": 192, "resource": "amd.com/gpu", "devices": 8}
    node = AIMNode.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": "AIMNode",
            "metadata": {"name": "n"},
            "spec": {"usable": True, "summary": "", "pools": [raw]},
        }
    )
    assert node.spec.pools[0].wire() == {**raw, "shared": False}
