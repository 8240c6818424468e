"""Which model architectures an engine loads, and what a name that it does not load is answered with."""

import pytest

from aimlib.engines.architectures import model_architectures, not_loaded


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
@pytest.mark.parametrize("name", ["LlamaForCausalLM", "Qwen3MoeForCausalLM", "Glm4MoeForCausalLM", "GptOssForCausalLM"])
def test_what_both_engines_load(engine, name):
    assert not_loaded(engine, name) == ""


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Qwen33ForCausalLM", "Qwen33ForCausalLM; the nearest that it loads is Qwen3ForCausalLM"),
        ("MptForCausalLM", "MptForCausalLM, which versions up to 0.28.0 loaded"),
        ("zzz", "zzz"),
        ("\x1b[2Jzz", "[2Jzz"),
    ],
)
def test_what_is_not_loaded_has_the_nearest_or_the_last_version(name, answer):
    assert not_loaded("vllm", name) == answer


def test_a_long_name_is_cut():
    assert len(not_loaded("vllm", "\u202e" + "z" * 9999)) <= 64


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_no_name_is_longer_than_a_message_has_and_none_is_gone_and_there(engine):
    found = model_architectures(engine)
    assert max(map(len, found.loaded)) <= 64
    assert not found.loaded & {*found.former}
    assert len(found.loaded) > 200


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_they_are_read_once_and_are_those_of_the_file(engine):
    assert model_architectures(engine) is model_architectures(engine)
    assert model_architectures.__wrapped__(engine) == model_architectures(engine)
