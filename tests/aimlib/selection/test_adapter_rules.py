"""The rule about LoRA adapters: what no engine would serve by its name is rejected, with what stands in the way."""

import pytest

from aimlib.api.adapter import Adapter
from aimlib.engines.architectures import model_architectures
from aimlib.selection.adapter_rules import INSTEAD
from tests.aimlib.make import FACTS, configuration, recipe
from tests.aimlib.selection.test_rules import fits, verdict

ADAPTERS = tuple(
    Adapter.model_validate({"name": name, "source": {"repository": f"acme/{name}"}}) for name in ("sql", "chat")
)
ALONE = recipe(facts={**FACTS, "architecture": "GPT2LMHeadModel"})
IMAGE = {"repository": "acme/vllm", "tag": "v1"}


def test_an_engine_that_answers_with_the_model_itself_is_rejected():
    rule, requested, available = verdict(recipe(backend="sglang"), adapters=ADAPTERS)
    assert (rule, requested) == ("adapters", "an engine that serves the adapters sql, chat by their names")
    assert f"which answers such requests with the model itself: {INSTEAD}" in available
    assert fits(recipe(backend="sglang"))


def test_an_architecture_without_adapters_is_rejected():
    assert verdict(ALONE, adapters=ADAPTERS)[::2] == ("adapters", "GPT2LMHeadModel")
    assert fits(ALONE)


@pytest.mark.parametrize(
    ("spec", "ask"),
    [
        (recipe(facts={**FACTS, "architecture": "Qwen3ForCausalLM"}), {}),
        (recipe(facts={**FACTS, "architecture": "DeepseekV4ForCausalLM"}), {}),
        (recipe(facts=None), {}),
        (ALONE, {"own_image": True}),
        (recipe(configuration(1), facts={**FACTS, "architecture": "GPT2LMHeadModel"}, image=IMAGE), {}),
    ],
)
def test_what_takes_them_or_is_not_known_fits(spec, ask):
    assert fits(spec, adapters=ADAPTERS, **ask)


@pytest.mark.parametrize("backend", ["vllm", "sglang"])
def test_what_takes_no_adapters_is_loaded(backend):
    known = model_architectures(backend)
    assert known.without_adapters < known.loaded
