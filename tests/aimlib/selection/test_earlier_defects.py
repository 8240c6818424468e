"""Defects of the prototype that this operator replaces, each shown not to be here. The numbers are those of its review.

Those about children, status, packaging and monitoring are tested with the hooks and the manifests.
"""

import pytest
import yaml

from aimlib.api.cache import CacheSpec
from aimlib.api.recipe import AIMRecipe
from aimlib.config import Config
from aimlib.hardware.nodes import node_facts
from aimlib.naming import child_name, label_value, model_label
from aimlib.selection.launch import IGNORED_ENV, launch
from aimlib.selection.recipe_check import check_recipe
from aimlib.selection.select import read_entry, select
from tests.aimlib.make import FACTS, MODEL, amd, configuration, endpoint, inventory, listed, node, recipe
from tests.kustomize import ROOT

DEEPSEEK, LLAMA, MAVERICK = (
    "deepseek-ai/DeepSeek-R1-0528",
    "amd/Llama-3.1-405B-Instruct-FP8-KV",
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
)
SIZES = [configuration(count) for count in (1, 2, 4, 8)]
QWEN = listed("qwen", *SIZES)


@pytest.fixture(scope="module")
def shipped():
    files = [path for path in (ROOT / "recipes").glob("*.yaml") if path.name != "kustomization.yaml"]
    parsed = (AIMRecipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in files)
    return [read_entry(one.name, one.spec.wire()) for one in parsed]


def chosen(spec, catalogue, *nodes):
    found = select(spec, catalogue, inventory(*nodes or (amd(),)), Config()).resolved
    return (found.gpu_count, found.precision) if found else None


def test_1_the_count_that_was_asked_for_is_the_count_that_is_chosen(shipped):
    assert chosen(endpoint(gpuCount=4), [QWEN]) == (4, "bf16")
    assert chosen(endpoint(modelId=DEEPSEEK), shipped) == (8, "fp8")


@pytest.mark.parametrize("count", [3, 10, 64])
def test_2_a_recipe_without_the_count_that_was_asked_for_is_not_chosen(count):
    assert chosen(endpoint(gpuCount=count), [QWEN]) is None


def test_3_a_stated_precision_is_a_requirement_and_its_synonyms_are_understood():
    assert chosen(endpoint(precision="fp8"), [QWEN]) is None
    assert chosen(endpoint(precision="bfloat16"), [QWEN]) == (1, "bf16")
    with pytest.raises(ValueError, match="precision 'invalid' is not known"):
        endpoint(precision="invalid")


def test_4_a_fallback_may_change_count_and_precision_together():
    half = listed("half", configuration(2), precision="fp16")
    spec = endpoint(gpuCount=3, precision="bf16", recipe={"fallback": [{"gpuCount": 2, "precision": "auto"}]})
    assert chosen(spec, [half]) == (2, "fp16")


def test_5_the_size_is_computed_from_facts_and_not_read_from_a_name():
    names = ["x/Model-7B", "x/Model-685B", "x/17B-128E", "x/32.8B", "x/none"]
    for name in names:
        large = listed("r", *SIZES, modelId=name, facts={**FACTS, "weightsGiB": 200})
        assert chosen(endpoint(modelId=name), [large]) == (2, "bf16")


def test_6_hardware_is_compared_and_processors_are_asked_for_with_no_gpus():
    processors = listed("cpu", configuration(0), hardware="CPU")
    assert chosen(endpoint(), [QWEN], amd("74a5")) is None
    assert chosen(endpoint(gpuCount=0), [QWEN, processors], node()) == (0, "bf16")
    assert chosen(endpoint(), [processors], node()) is None


def test_8_and_10_what_runs_here_does_not_matter(monkeypatch):
    expected = chosen(endpoint(gpuCount=4), [QWEN])
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("PATH", "")
    assert chosen(endpoint(gpuCount=4), [QWEN]) == expected == (4, "bf16")


@pytest.mark.parametrize("backend", ["vllm", "sglang"])
def test_11_no_argument_is_dropped_without_a_word(backend):
    flags = ["--kv-cache-dtype", "--max-num-batched-tokens", "--max-model-len", "--my-own"]
    values = ["fp8_e4m3", "4096", "8192", "1"]
    args = [f"{flag}={value}" for flag, value in zip(flags, values, strict=True)]
    spec = recipe(configuration(1, args=args), backend=backend)
    found = launch(spec, spec.configurations[0])
    said = " ".join((*found.args, *found.problems))
    assert [flag for flag in flags if flag not in said] == []


def test_11_booleans_and_values_with_spaces_are_written_as_the_engine_takes_them():
    args = ["--enforce-eager", "true", "--trust-remote-code=true", "--chat-template", "{{ a b }}"]
    spec = recipe(configuration(1, args=args))
    found = launch(spec, spec.configurations[0])
    assert found.args == ("--enforce-eager", "--trust-remote-code", "--chat-template", "{{ a b }}")


def test_12_the_port_is_the_operators_whether_the_recipe_has_one_or_not():
    with_port, without = (recipe(configuration(1, args=args)) for args in (["--port=9", "--host=127.0.0.1"], []))
    assert launch(with_port, with_port.configurations[0]).args == launch(without, without.configurations[0]).args == ()


def test_13_labels_and_names_are_legal():
    assert "/" not in model_label(MODEL)
    assert "." not in child_name("llama-3.1")
    assert label_value("a/b") != label_value("a_b")


@pytest.mark.parametrize("name", IGNORED_ENV)
def test_14_variables_that_fight_the_device_plugin_are_left_out_with_the_reason(name):
    spec = recipe(configuration(1, env=[{"name": name, "value": "0,1,2,3,4,5,6,7"}]))
    found = launch(spec, spec.configurations[0])
    assert found.env == ()
    assert name in found.notes[0]


def test_18_a_size_that_is_none_is_refused_and_one_that_is_left_out_is_computed():
    with pytest.raises(ValueError, match="size"):
        endpoint(cache={"enabled": True, "size": ""})
    found = select(endpoint(cache={"enabled": True}), [QWEN], inventory(amd()), Config()).resolved
    assert found.cache_size == "68Gi"


def test_22_with_nothing_left_to_choose_everything_that_was_stated_is_used():
    spec = endpoint(autoSelect=False, gpuCount=2, precision="bf16", backend="vllm")
    assert chosen(spec, [QWEN]) == (2, "bf16")
    custom = endpoint(autoSelect=False, recipe={"customRecipe": {"name": "qwen"}})
    assert chosen(custom, [QWEN]) == (1, "bf16")


def test_24_nodes_are_recognised_by_labels_that_the_labeller_sets():
    by_hand = node({"amd.com/gpu": "true"}, {"amd.com/gpu": "8"})
    assert [pool.product for pool in node_facts(by_hand).pools] == ["CPU"]
    assert chosen(endpoint(), [QWEN], by_hand) is None


def test_27_a_thing_that_is_said_twice_is_said_once_or_refused():
    assert endpoint(gpuCount=2, resources={"gpuCount": 2}).recipe.gpu_count == 2
    with pytest.raises(ValueError, match="keep one"):
        endpoint(recipe={"gpuCount": 1}, resources={"gpuCount": 2})
    assert {endpoint(precision=word).recipe.precision for word in ("bf16", "bfloat16")} == {"bf16"}
    assert {endpoint(precision=word).recipe.precision for word in ("fp8", "float8", "float8_e4m3")} == {"fp8"}


def test_33_clean_up_is_off_until_it_is_turned_on():
    assert CacheSpec.model_validate({"size": "1Ti", "cleanup": {"schedule": "0 2 * * *"}}).cleanup.enabled is False


@pytest.mark.parametrize(
    ("weights", "shape", "never"),
    [
        (381, {"layers": 126, "attentionHeads": 128}, {1, 2}),
        (378, {"layers": 48, "attentionHeads": 40}, {1, 2}),
        (1275, {"layers": 61, "attentionHeads": 128}, {1, 2, 4}),
    ],
    ids=["Llama-3.1-405B in FP8", "Llama-4-Maverick in FP8", "DeepSeek-R1 expanded to 16 bit"],
)
def test_recipes_that_cannot_fit_are_not_usable_however_they_are_enabled(weights, shape, never):
    large = recipe(*SIZES, facts={**FACTS, "weightsGiB": weights, **shape})
    assert not never & set(check_recipe("large", large).usable)


@pytest.mark.parametrize(("model", "least"), [(DEEPSEEK, 8), (LLAMA, 4), (MAVERICK, 4), (MODEL, 1)])
def test_its_four_models_start_on_as_many_gpus_as_they_need(shipped, model, least):
    assert chosen(endpoint(modelId=model), shipped)[0] == least
