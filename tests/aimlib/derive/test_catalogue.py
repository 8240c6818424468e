"""Every shipped model is derived for every GPU product without a problem in what is derived."""

import pytest

from aimlib.api.node import InventoryStatus
from aimlib.config import Config
from aimlib.derive.candidates import derived_entries
from aimlib.selection.entries import read_entry
from aimlib.selection.recipe_check import check_recipe
from hooks.planning.simulate import ideal_nodes, simulate_inventory
from tests.test_recipes import RAW

EVERYTHING = InventoryStatus.model_validate(simulate_inventory(ideal_nodes())["status"])


def by_model():
    found = {}
    for name, raw in RAW.items():
        found.setdefault(raw["spec"]["modelId"], []).append(read_entry(name, raw["spec"]))
    return found


@pytest.mark.no_cover  # hundreds of derivations, whose lines tests/aimlib/derive/test_candidates.py covers
@pytest.mark.parametrize(("model", "entries"), by_model().items(), ids=lambda one: one if isinstance(one, str) else "")
def test_what_is_derived_for_a_shipped_model_is_sound(model, entries):
    for one in derived_entries(entries, (), EVERYTHING.classes, Config()):
        assert one.spec.model_id == model
        assert not any(launched.problems or launched.runs_remote_code for launched in one.launches)
        rules = {problem.split(": ")[1] for problem in check_recipe(one.name, one.spec).problems}
        assert rules <= {"memory"}
