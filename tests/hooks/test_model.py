"""What fits a model is derived once for each kind of hardware, and not for each number of nodes."""

from copy import deepcopy

import pytest

from aimlib.config import Config
from aimlib.memo import Memo
from aimlib.protocol.metacontroller import parse_request
from hooks import model
from tests.aimlib.make import FACTS, MODEL, amd, inventory


@pytest.fixture
def derived(monkeypatch):
    """The classes for which something was derived."""
    found, derive = [], model.derived_entries

    def counted(entries, described, classes, config):
        found.append(classes)
        return derive(entries, described, classes, config)

    monkeypatch.setattr(model, "derived_entries", counted)
    monkeypatch.setattr(model, "FITTING", Memo(8))
    return found


def answer(status):
    parent = {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMModel", "metadata": {"name": "qwen"}}
    parent["spec"] = {"modelId": MODEL, "facts": FACTS}
    related = {
        "AIMInventory.aim.engine.amd.com/v1alpha1": {"cluster": {"metadata": {"name": "cluster"}, "status": status}}
    }
    return model.sync(parse_request({"object": parent, "related": related}), Config())["status"]


def test_another_number_of_nodes_derives_nothing_anew(derived):
    status = inventory(amd()).wire()
    first = answer(status)
    more = deepcopy(status)
    more["classes"][1].update(nodes=7, total=56)
    assert answer(more) == first
    assert first["phase"] == "Ready"
    assert len(derived) == 1


@pytest.mark.parametrize("changes", [{"devicesPerNode": 4}, {"memoryGiB": 160}, {"precisions": ["bf16"]}])
def test_other_hardware_derives_anew(derived, changes):
    status = inventory(amd()).wire()
    answer(status)
    other = deepcopy(status)
    other["classes"][1].update(changes)
    answer(other)
    assert len(derived) == 2
