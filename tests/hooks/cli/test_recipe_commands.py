"""Recipes of one's own: derived to review, and checked."""

import pytest
import yaml

from tests.hooks.cli.commandline import aim, recipe


def documents(printed):
    return list(yaml.safe_load_all(printed))


def test_what_is_derived_is_what_check_accepts():
    derived = aim("recipes", "derive", "--model", "Qwen/Qwen3-32B", "--hardware", "h200", "--hardware", "MI325X")
    assert derived.exit_code == 0
    found = documents(derived.stdout)
    assert {one["spec"]["hardware"] for one in found} == {"H200", "MI325X"}
    assert all("validated by nobody" in one["spec"]["description"] for one in found)
    checked = aim("recipes", "check", derived.stdout)
    assert checked.exit_code == 0
    assert checked.stdout.count("Ready") == len(found)


def test_a_recipe_of_ones_own_is_a_source_and_only_what_fits_is_printed():
    own = recipe("own")
    derived = aim("recipes", "derive", "--model", "example/model", "--recipes", own)
    found = {one["metadata"]["name"]: one["spec"] for one in documents(derived.stdout)}
    assert not any("mi300x" in name for name in found)
    assert [one["gpuCount"] for one in found["model-h100-bf16"]["configurations"]] == [2, 4, 8]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--model", "a/b"), 3, "nothing can be derived from 0 recipes for model a/b"),
        (("--model", "Qwen/Qwen3-32B", "--hardware", "Abacus"), 2, "'Abacus' is no known GPU product; known are MI210"),
        (("--model", "Qwen/Qwen3-32B", "--hardware", "CPU"), 3, "recipes for model Qwen/Qwen3-32B"),
    ],
)
def test_what_cannot_be_derived_says_why(words, code, said):
    done = aim("recipes", "derive", *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_model_that_fits_nowhere_has_nothing():
    done = aim("recipes", "derive", "--model", "example/model", "--recipes", recipe("own", tokens=2**30))
    assert done.exit_code == 0
    huge = {"weightsGiB": 9000, "layers": 9, "attentionHeads": 8, "keyValueHeads": 8, "headDim": 8, "maxContext": 4096}
    done = aim("recipes", "derive", "--model", "example/model", "--recipes", recipe("own", facts=huge))
    assert (done.exit_code, done.stdout) == (3, "")
    assert "1 recipe for" in done.stderr


def test_a_recipe_that_cannot_be_used_is_named_with_the_reason():
    done = aim("recipes", "check", recipe("bad", precision="fp8", hardware="MI210"))
    assert done.exit_code == 3
    assert "bad: 1 GPU: supported: needs fp8 weights" in done.stderr
