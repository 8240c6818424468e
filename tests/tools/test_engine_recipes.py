"""The shipped recipes have the flags of vLLM's own ones, but for differences that are listed with their reason."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from engine_recipes import described, pairs

from aimlib.api.recipe import Configuration, RecipeSpec
from aimlib.hardware.products import known_products
from tests.files import TESTDATA, read
from tests.test_recipes import RECIPES

FOLDER = TESTDATA / "engine-recipes"
THEIRS: dict[str, Any] = read(FOLDER / "vllm-0.33.0.yaml")
LISTED: list[dict[str, Any]] = read(FOLDER / "differences.yaml")
GENERATION = {"sm_90": "hopper", "sm_100": "blackwell", "sm_103": "blackwell"}


class Difference(NamedTuple):
    """A flag or a variable of vLLM's recipe that ours lacks, or has with another value."""

    model: str
    flag: str


def expected(spec: RecipeSpec) -> tuple[dict[str, str], dict[str, str]]:
    """The flags and variables of vLLM's recipe for this checkpoint, or this model, on this hardware."""
    theirs = THEIRS.get(spec.loaded) or THEIRS.get(spec.model_id)
    hardware = known_products().product(spec.hardware)
    if theirs is None or spec.backend != "vllm" or hardware is None or hardware.vendor == "cpu":
        return {}, {}
    args, env = dict(theirs["args"]), dict(theirs.get("env", {}))
    for group in (hardware.vendor, GENERATION.get(hardware.architecture or "", "")):
        more = theirs["hardware"].get(group, {"args": {}, "env": {}})
        args |= more["args"]
        env |= more["env"]
    return args, env


def differences(spec: RecipeSpec, configuration: Configuration) -> Iterator[Difference]:
    """Where a configuration differs."""
    args, env = expected(spec)
    own, variables = pairs(configuration.args), {one.name: one.value for one in configuration.env}
    yield from (
        Difference(spec.model_id, flag)
        for flag, value in args.items()
        if own.get(flag, "absent").casefold() != value.casefold()
    )
    yield from (Difference(spec.model_id, name) for name, value in env.items() if variables.get(name) != str(value))


FOUND = {
    one
    for recipe in RECIPES.values()
    for configuration in recipe.spec.configurations
    for one in differences(recipe.spec, configuration)
}


def reasons(one: Difference) -> list[str]:
    """The rows that a difference is explained by."""
    return [row["reason"] for row in LISTED if row["flag"] == one.flag and one.model in row["models"]]


@pytest.mark.parametrize("one", sorted(FOUND), ids=lambda one: f"{one.model} {one.flag}")
def test_each_difference_has_one_reason(one: Difference):
    assert len(reasons(one)) == 1


def test_what_is_listed_does_differ():
    listed = {Difference(model, row["flag"]) for row in LISTED for model in row["models"]}
    assert listed - FOUND == set()


def test_most_models_of_the_catalogue_are_compared():
    compared = {recipe.spec.model_id for recipe in RECIPES.values() if expected(recipe.spec)[0]}
    assert len(compared) >= 15


def test_flags_are_read_in_one_spelling():
    words = ["--tokenizer_mode", "mistral", "--trust-remote-code", "--block-size=64", "-cc.a.b_c=True"]
    assert pairs(words) == {
        "--tokenizer-mode": "mistral",
        "--trust-remote-code": "",
        "--block-size": "64",
        "-cc.a.b_c": "True",
    }


def test_a_recipe_describes_its_model_and_its_variants():
    recipe = {
        "model": {"model_id": "a/b", "base_args": ["--x"]},
        "features": {"reasoning": {"args": ["--reasoning-parser", "r"]}, "spec_decoding": {"args": ["--y"]}},
        "variants": {"default": {}, "fp8": {"model_id": "a/b-FP8", "extra_args": ["--z=1"]}},
        "hardware_overrides": {"amd": {"extra_env": {"A": "1"}}, "xpu": {"extra_args": ["--no"]}, "hopper": {}},
    }
    of_model, of_variant = dict(described(recipe)).values()
    assert of_model == {
        "args": {"--x": "", "--reasoning-parser": "r"},
        "hardware": {"amd": {"args": {}, "env": {"A": "1"}}},
    }
    assert of_variant["args"] == {**of_model["args"], "--z": "1"}
