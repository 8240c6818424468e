"""How large a volume has to be: what recipes know of the models, what the user says of the others, and a tenth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.cache import CachedModelSpec
from aimlib.caching.capacity import model_sizes, recipe_sizes, required_space
from aimlib.kube.quantity import GIB, parse_quantity


def loads(model: str, gib: float | None, checkpoint: str | None = None) -> dict:
    given = {"modelId": model, "checkpoint": checkpoint, "facts": {"weightsGiB": gib} if gib is not None else None}
    return {"spec": {key: value for key, value in given.items() if value is not None}}


def listed(**models: str | None) -> list[CachedModelSpec]:
    return [CachedModelSpec.model_validate({"id": name, "maxSize": size}) for name, size in models.items()]


def test_a_recipe_tells_the_size_of_what_it_loads_and_the_largest_counts():
    recipes = [loads("a", 60), loads("a", 61), loads("a", 30, checkpoint="a-fp8"), loads("b", 1.5)]
    assert recipe_sizes(recipes) == {"a": 61 * GIB, "a-fp8": 30 * GIB, "b": int(1.5 * GIB)}


@pytest.mark.parametrize(
    "recipe",
    [{}, {"spec": None}, {"spec": {}}, loads("a", None), loads("a", 0), {"spec": {"facts": {"weightsGiB": 1}}}],
    ids=str,
)
def test_a_recipe_without_figures_tells_nothing(recipe):
    assert recipe_sizes([recipe]) == {}


def drafted(gib, loaded=60):
    return {"spec": loads("a", loaded)["spec"] | {"draft": {"repository": "head", "facts": {"weightsGiB": gib}}}}


def test_a_recipe_tells_the_size_of_what_drafts_too():
    assert recipe_sizes([drafted(3), drafted(2)]) == {"a": 60 * GIB, "head": 3 * GIB}
    assert recipe_sizes([drafted(3), loads("head", 4)]) == {"a": 60 * GIB, "head": 4 * GIB}
    assert recipe_sizes([drafted("3"), {"spec": {"draft": "head"}}, {"spec": {"draft": {}}}]) == {"a": 60 * GIB}


def test_what_is_measured_comes_before_what_is_allowed():
    known = {"a": 61 * GIB}
    assert model_sizes(listed(a="100Gi", b="20Gi", c=None), known) == {"a": 61 * GIB, "b": 20 * GIB, "c": None}


def test_what_nobody_knows_is_named_and_not_counted():
    found = required_space({"b": None, "a": None, "c": GIB})
    assert found == (GIB, ("a", "b"))


def test_a_claim_has_a_tenth_more_in_whole_gib():
    assert required_space({"a": 61 * GIB}).size == "68Gi"
    assert required_space({"a": 100 * GIB}).size == "110Gi"
    assert required_space({"a": 100 * GIB, "b": 1}).size == "111Gi"
    assert required_space({}).size == "0"


@given(st.dictionaries(st.text(), st.integers(1, 2**45), min_size=1))
def test_a_claim_holds_its_models_with_room_to_spare(amounts):
    found = required_space(amounts)
    assert found.bytes * 11 <= parse_quantity(found.size) * 10 < found.bytes * 11 + 10 * GIB
