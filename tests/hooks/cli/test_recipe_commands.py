"""Recipes of one's own: derived to review, and checked."""

import pytest
import yaml

from hooks.cli.recipe_commands import _print_table
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


def test_a_product_of_the_settings_is_derived_for_and_known_to_the_check():
    own = {"name": "X9", "vendor": "nvidia", "architecture": "sm_90", "memoryGiB": 80, "labels": ["NVIDIA-X9"]}
    settings = yaml.safe_dump({"hardware": [own]})
    derive = ("recipes", "derive", "--model", "Qwen/Qwen3-32B", "--hardware", "x9")
    assert "no known GPU product" in aim(*derive).stderr
    derived = aim(*derive, "--config", settings)
    assert {one["spec"]["hardware"] for one in documents(derived.stdout)} == {"X9"}
    assert aim("recipes", "check", derived.stdout, "--config", settings).stderr == ""
    assert "hardware 'X9' is in no table" in aim("recipes", "check", derived.stdout).stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--model", "a/b"), 3, "nothing can be derived for a/b: neither a recipe nor an AIMModel has it; -f takes"),
        (("--model", "zai-org/GLM-5", "--hardware", "T4"), 3, "what 2 checkpoints of AIMModels would give"),
        (("--model", "Qwen/Qwen3-32B", "--hardware", "?"), 2, "--hardware ?: no known GPU product; known are MI210"),
        (("--model", "Qwen/Qwen3-32B", "--hardware", "CPU"), 3, "for Qwen/Qwen3-32B: what 18 recipes would give"),
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
    assert "what 1 recipe would give" in done.stderr


def test_a_model_of_ones_own_is_a_source_beside_what_ships():
    facts = {"weightsGiB": 16, "layers": 36, "attentionHeads": 32, "keyValueHeads": 8, "headDim": 128}
    spec = {"modelId": "acme/mine", "facts": {**facts, "maxContext": 40960}}
    own = yaml.safe_dump(
        {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMModel", "metadata": {"name": "mine"}, "spec": spec}
    )
    derived = aim("recipes", "derive", "--model", "acme/mine", "-f", own, "--hardware", "H200")
    assert {one["spec"]["hardware"] for one in documents(derived.stdout)} == {"H200"}
    assert aim("recipes", "check", derived.stdout).exit_code == 0
    explained = aim("explain", "--model", "acme/mine", "-f", own, "--hardware", "H200")
    assert explained.exit_code == 0
    assert "derived from AIMModel mine" in explained.stdout


def test_standard_input_is_read_once():
    done = aim("recipes", "derive", "--model", "a/b", "-f", "-", "--recipes", "-", input="")
    assert "standard input (-) can be read only once" in done.stderr


def test_a_recipe_that_cannot_be_used_is_named_with_the_reason():
    done = aim("recipes", "check", recipe("bad", precision="fp8", hardware="MI210"))
    assert done.exit_code == 3
    assert "bad: 1 GPU: supported: needs fp8 weights" in done.stderr


def test_a_table_of_no_recipe_is_nothing(capsys):
    _print_table([])
    assert capsys.readouterr().out == ""
