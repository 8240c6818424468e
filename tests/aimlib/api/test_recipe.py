"""AIMRecipe: what a recipe may say, and what is refused before anybody computes with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aimlib.api.recipe import RecipeSpec
from tests.aimlib.make import FACTS

LEAST = {"modelId": "a/b", "hardware": "MI300X", "precision": "bf16", "backend": "vllm"}
LATENT = {"kvLoraRank": 512, "qkRopeHeadDim": 64}


def parse(**fields):
    return RecipeSpec.model_validate({**LEAST, **fields})


def test_what_is_loaded_is_the_model_unless_a_checkpoint_is_named():
    assert parse().loaded == "a/b"
    assert parse(checkpoint="amd/b-FP8").loaded == "amd/b-FP8"


def test_a_synonym_of_the_precision_is_written_in_the_one_vocabulary():
    assert parse(precision="bfloat16").wire()["precision"] == "bf16"


def test_the_earlier_form_of_configurations_is_read():
    spec = parse(
        recipeId="mine",
        performance={"expectedTokensPerSecond": 1000, "expectedLatencyMs": 20, "maxBatchSize": 64},
        configurations=[
            {
                "gpuCount": 8,
                "enabled": True,
                "args": ["--trust-remote-code", "true"],
                "env": [{"name": "A", "value": "1"}],
                "resources": {"requests": {"cpu": "8", "memory": "64Gi"}, "limits": {"memory": "128Gi"}},
            }
        ],
    )
    (one,) = spec.configurations
    assert (one.gpu_count, one.args, one.env[0].value) == (8, ("--trust-remote-code", "true"), "1")
    assert one.resources.requests == {"cpu": "8", "memory": "64Gi"}


def test_a_variable_may_come_from_a_secret():
    wire = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}}
    assert parse(configurations=[{"gpuCount": 1, "env": [wire]}]).configurations[0].env[0].wire() == wire


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"modelId": None}, "modelId"),
        ({"hardware": None}, "hardware"),
        ({"backend": "tensorrt"}, "Input should be 'vllm' or 'sglang'"),
        ({"precision": "auto8"}, "precision 'auto8' is unknown"),
        ({"configurations": [{"gpuCount": 1}, {"gpuCount": 1}]}, "configurations must differ in gpuCount"),
        ({"configurations": {"1_gpu": {}}}, "valid tuple"),
        ({"configurations": [{"gpuCount": 65}]}, "less than or equal to 64"),
        ({"configurations": [{}]}, "gpuCount"),
        ({"configurations": [{"gpuCount": [1]}]}, "valid integer"),
        ({"facts": {**FACTS, "keyValueHeads": None}}, "either keyValueHeads and headDim, or latentAttention"),
        ({"facts": {**FACTS, "headDim": None}}, "either keyValueHeads and headDim, or latentAttention"),
        ({"facts": {**FACTS, "latentAttention": LATENT}}, "either keyValueHeads and headDim, or latentAttention"),
        ({"facts": {**FACTS, "keyValueHeads": None, "latentAttention": None}}, "either keyValueHeads and headDim"),
        ({"facts": {**FACTS, "slidingWindow": {"layers": 65, "tokens": 1}}}, "some of facts.layers"),
        ({"facts": {**FACTS, "layers": 0}}, "greater than or equal to 1"),
        ({"facts": {**FACTS, "weightsGiB": -1}}, "greater than or equal to 0"),
        ({"facts": 3}, "valid dictionary"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_refused_in_words(fields, message):
    with pytest.raises(ValidationError) as error:
        parse(**fields)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "facts",
    [
        FACTS,
        {**FACTS, "keyValueHeads": None, "headDim": None, "latentAttention": LATENT},
        {**FACTS, "latentAttention": None},
        {**FACTS, "slidingWindow": {"layers": 64, "tokens": 1024}},
    ],
    ids=["grouped heads", "latent attention", "null is nothing", "windows on every layer"],
)
def test_facts_have_one_kind_of_attention(facts):
    read = parse(facts=facts).facts
    assert (read.latent_attention is None) == (read.key_value_heads is not None)
    assert read.wire()["weightsGiB"] == 61.0


words = st.sampled_from(
    ["", "x", "1", 0, 1, -1, 2.5, None, True, [], [1], [None], {}, {"gpuCount": 1}, [{"gpuCount": 1}]]
)
inner = st.dictionaries(st.sampled_from(["layers", "latentAttention", "slidingWindow", "headDim", "gpuCount"]), words)
parts = words | inner | st.lists(inner, max_size=2)


@given(st.dictionaries(st.sampled_from(["facts", "configurations", "image", "performance", *LEAST]), parts))
def test_whatever_it_is_it_parses_or_is_refused_in_words(raw):
    try:
        spec = parse(**raw)
    except ValidationError as error:
        assert error.error_count()  # noqa: PT017 - either outcome is right, a crash is not
    else:
        assert RecipeSpec.model_validate(spec.wire()) == spec
