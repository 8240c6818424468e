"""Names that may have been meant: of models and of what is loaded for them, whatever their capitals."""

from difflib import get_close_matches

import pytest

from aimlib.api.endpoint import EndpointSpec
from aimlib.protocol.observations import CatalogueNames
from aimlib.selection import near_names
from aimlib.selection.near_names import MOST_COMPARED, suggestion

RECIPES = (
    {"metadata": {"name": "llama-h100-fp8"}, "spec": {"modelId": "meta-llama/Llama-70B", "checkpoint": "RedHatAI/L"}},
    {"metadata": {"name": "qwen-h100-bf16"}, "spec": {"modelId": "Qwen/Qwen3-32B"}},
    {"metadata": {"name": "broken"}, "spec": {"modelId": 7, "checkpoint": None}},
    {"metadata": {"name": "empty"}, "spec": None},
)
MODELS = (
    {"metadata": {"name": "mine"}, "spec": {"modelId": "acme/Mine-32B", "source": "s3://bucket/Mine-32B-AWQ"}},
    {"metadata": {"name": "ours"}, "spec": {"modelId": "company/For-Us", "allowedNamespaces": ["team-a"]}},
    {"metadata": {"name": "odd"}, "spec": {"modelId": "acme/Odd", "allowedNamespaces": 3}},
)
KNOWN = CatalogueNames(RECIPES, MODELS)


def asked(namespace="team-b", **spec):
    return suggestion(EndpointSpec.model_validate({"modelId": "x/y", **spec}), KNOWN, namespace)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("redhatai/l", "did you mean RedHatAI/L?"),
        ("Qwen3-32B", "did you mean Qwen/Qwen3-32B or acme/Mine-32B?"),
        ("ACME/MINE-32B", "did you mean acme/Mine-32B?"),
        ("acme/odd", "did you mean acme/Odd?"),
        ("llama", "did you mean meta-llama/Llama-70B?"),
        ("lla", ""),
        ("something/else-entirely-different", ""),
    ],
)
def test_a_model_is_suggested_by_its_name_and_by_what_is_loaded_for_it(model, expected):
    assert asked(modelId=model) == expected


def test_a_name_is_never_its_own_suggestion():
    assert "Qwen/Qwen3-32B?" not in asked(modelId="Qwen/Qwen3-32B")


def test_a_model_of_another_namespace_is_not_suggested():
    assert asked(modelId="company/for-us") == ""
    assert asked("team-a", modelId="company/for-us") == "did you mean company/For-Us?"


def test_where_a_recipe_is_named_recipes_are_suggested():
    assert asked(recipe={"customRecipe": {"name": "qwen-h100-bf61"}}) == (
        "did you mean qwen-h100-bf16 or llama-h100-fp8?"
    )


def test_what_a_tenant_writes_is_compared_in_part_and_once(monkeypatch):
    """It costs the hook server milliseconds, and no more for a thousand syncs of it."""
    compared = []

    def close(word, names, **how):
        compared.append(max(map(len, (word, *names))))
        return get_close_matches(word, names, **how)

    monkeypatch.setattr(near_names, "get_close_matches", close)
    spec = EndpointSpec.model_validate({"modelId": "ab" * 120})
    long = ({"metadata": {"name": "x"}, "spec": {"modelId": "abc" * 80}},)
    found = {suggestion(spec, CatalogueNames(long, ()), "a") for _ in range(10)}
    assert found == {f"did you mean {'abc' * 80}?"}
    assert compared == [MOST_COMPARED]


def test_of_many_names_the_likely_ones_are_compared(monkeypatch):
    compared = []

    def counting(wanted, names, **options):
        compared.append(len(names))
        return get_close_matches(wanted, names, **options)

    monkeypatch.setattr(near_names, "get_close_matches", counting)
    recipes = [
        {"metadata": {"name": f"r{at}"}, "spec": {"modelId": f"organisation-{at}/{'model-of-much-length-' * 3}{at}"}}
        for at in range(3000)
    ]
    known = CatalogueNames((*recipes, *RECIPES), ())
    asked_for = EndpointSpec.model_validate({"modelId": "qwen/Qwen3-32"})
    assert "Qwen/Qwen3-32B" in suggestion(asked_for, known, "team-b")
    assert compared == [near_names.MOST_LIKELY]
