"""Facts of a dozen families of models, from the keys of their config.json alone."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.derive.config_facts import UnreadableConfigError, Weights, facts_of, needs_remote_code
from aimlib.derive.quantization import block_of, format_of
from aimlib.derive.rules import precision_of

GIB = 1 << 30
DENSE = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
}
WITHOUT_WINDOW = {"sliding_window": None, "use_sliding_window": False}
QWEN_MOE = {"num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768, "intermediate_size": 6144}
GEMMA_LAYERS = (["sliding_attention"] * 5 + ["full_attention"]) * 5
LINEAR = {"linear_num_value_heads": 32, "linear_key_head_dim": 128, "linear_value_head_dim": 128}
COMPRESSED = {"quant_method": "compressed-tensors"}
FP8_GROUP = {"group_0": {"weights": {"num_bits": 8, "type": "float", "strategy": "channel"}}}
LATENT = {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "n_routed_experts": 256, "num_experts_per_tok": 8}

FAMILIES = {
    "llama": (DENSE, {"layers": 32, "keyValueHeads": 8, "headDim": 128, "hiddenSize": 4096}),
    "llama, tied": ({**DENSE, "tie_word_embeddings": True, "head_dim": 64}, {"tiedEmbeddings": True, "headDim": 64}),
    "qwen2 with a window that is off": ({**DENSE, "sliding_window": 131072, "use_sliding_window": False}, {}),
    "qwen3 moe": ({**DENSE, **WITHOUT_WINDOW, **QWEN_MOE}, {"experts": {"count": 128, "active": 8}}),
    "mistral with a window": ({**DENSE, "sliding_window": 4096}, {"slidingWindow": {"layers": 32, "tokens": 4096}}),
    "mixtral": ({**DENSE, "num_local_experts": 8, "num_experts_per_tok": 2}, {"experts": {"count": 8, "active": 2}}),
    "gemma, nested, layers listed": (
        {
            "architectures": ["Gemma3ForConditionalGeneration"],
            "vision_config": {"hidden_size": 1152, "num_hidden_layers": 27},
            "text_config": {**DENSE, "num_hidden_layers": 30, "layer_types": GEMMA_LAYERS, "sliding_window": 1024},
        },
        {"layers": 30, "slidingWindow": {"layers": 25, "tokens": 1024}, "modalities": ["image"]},
    ),
    "gemma, by pattern": (
        {**DENSE, "num_hidden_layers": 62, "sliding_window_pattern": 6, "sliding_window": 1024},
        {"slidingWindow": {"layers": 52, "tokens": 1024}},
    ),
    "gpt-oss": (
        {
            **DENSE,
            "layer_types": ["sliding_attention", "full_attention"] * 16,
            "sliding_window": 128,
            "quantization_config": {"quant_method": "mxfp4"},
            "num_local_experts": 32,
            "experts_per_token": 4,
            "num_experts_per_tok": 4,
        },
        {"quantization": "mxfp4", "slidingWindow": {"layers": 16, "tokens": 128}},
    ),
    "llama 4": (
        {
            "text_config": {
                **DENSE,
                "layer_types": ["chunked_attention"] * 24 + ["full_attention"] * 8,
                "attention_chunk_size": 8192,
                "num_local_experts": 16,
                "num_experts_per_tok": 1,
            },
            "image_token_index": 200092,
        },
        {"chunkedAttention": {"layers": 24, "tokens": 8192}, "modalities": ["image"]},
    ),
    "deepseek": (
        {
            **DENSE,
            **LATENT,
            "num_key_value_heads": 128,
            "intermediate_size": 18432,
            "moe_intermediate_size": 2048,
            "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
        },
        {
            "latentAttention": {"kvLoraRank": 512, "qkRopeHeadDim": 64},
            "experts": {"count": 256, "active": 8},
            "quantization": "fp8-block",
            "quantizationBlock": 128,
            "intermediateSize": 18432,
            "moeIntermediateSize": 2048,
        },
    ),
    "qwen with linear attention": (
        {**DENSE, **LINEAR, "layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 8},
        {"layers": 8, "linearAttention": {"layers": 24, "stateKiB": 1024.0}},
    ),
    "a hybrid whose state is not known": (
        {**DENSE, "layer_types": ["mamba"] * 30 + ["attention"] * 2},
        {"layers": 2, "linearAttention": {"layers": 30, "stateKiB": 0.0}},
    ),
    "awq": ({**DENSE, "quantization_config": {"quant_method": "awq", "bits": 4}}, {"quantization": "awq"}),
    "gptq": ({**DENSE, "quantization_config": {"quant_method": "gptq", "bits": 4}}, {"quantization": "gptq"}),
    "compressed-tensors": (
        {**DENSE, "quantization_config": {**COMPRESSED, "config_groups": FP8_GROUP}},
        {"quantization": "fp8"},
    ),
    "old names": (
        {"n_layer": 24, "n_head": 16, "n_embd": 2048, "n_positions": 2048},
        {"layers": 24, "attentionHeads": 16, "keyValueHeads": 16, "headDim": 128, "maxContext": 2048},
    ),
    "speech": ({"thinker_config": {"text_config": DENSE}, "audio_config": {}, "video_token_id": 3}, {"layers": 32}),
}


@pytest.mark.parametrize(("config", "expected"), FAMILIES.values(), ids=FAMILIES)
def test_a_family(config, expected):
    facts = facts_of(config, Weights(10 * GIB, 5_000_000_000), "acme/it").wire()
    assert facts | expected == facts
    assert facts["weightsGiB"] == 10.0


@pytest.mark.parametrize("family", ["llama", "qwen2 with a window that is off"])
def test_nothing_is_read_that_is_not_there(family):
    found = facts_of(FAMILIES[family][0], Weights(GIB), "acme/it")
    nothing = (found.sliding_window, found.chunked_attention, found.linear_attention, found.experts, found.quantization)
    assert nothing == (None,) * 5
    assert (found.parameters_billions, found.modalities, found.source) == (None, (), "acme/it")
    assert precision_of(found) == "bf16"


def test_parameters_count_where_a_tensor_has_one_element_for_each():
    assert facts_of(DENSE, Weights(GIB, 8_030_000_000), "a").parameters_billions == 8.03
    packed = {**DENSE, "quantization_config": {"quant_method": "awq"}}
    assert facts_of(packed, Weights(GIB, 2_000_000_000), "a").parameters_billions is None


@pytest.mark.parametrize(
    ("config", "size", "said"),
    [
        (DENSE, 0, "acme/it has no safetensors files"),
        ({}, GIB, "the config.json of acme/it lacks what memory is computed from"),
        ({**DENSE, "num_hidden_layers": "32"}, GIB, "layers"),
        ({**DENSE, "max_position_embeddings": None}, GIB, "maxContext"),
    ],
)
def test_what_is_missing_is_named(config, size, said):
    with pytest.raises(UnreadableConfigError, match=said):
        facts_of(config, Weights(size), "acme/it")


def test_code_of_the_repository_is_noticed():
    assert needs_remote_code({"auto_map": {"AutoConfig": "configuration_x.Config"}})
    assert not needs_remote_code(DENSE)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, None),
        ({"quant_method": "fbgemm_fp8"}, "fp8"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8"),
        ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp8_e4m3"}}}, "fp8"),
        ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp4"}}}, "mxfp4"),
        ({**COMPRESSED, "config_groups": {"a": {"weights": {"num_bits": 4, "type": "int"}}}}, "gptq"),
        ({**COMPRESSED, "config_groups": {"a": {"weights": {"num_bits": 4, "type": "float"}}}}, "nvfp4"),
        ({**COMPRESSED, "config_groups": {"a": {"weights": {"num_bits": 8, "type": "int"}}, "b": 3}}, "int8"),
        ({**COMPRESSED, "config_groups": {"a": {"weights": {"block_structure": [128, 128]}}}}, "fp8-block"),
        ({"quant_method": "bitsandbytes", "config_groups": None}, None),
    ],
)
def test_formats_of_weights(config, expected):
    assert format_of(config) == expected


def test_a_block_is_a_list_of_sizes():
    assert block_of({"weight_block_size": [64, 64]}) == 64
    assert block_of({"weight_block_size": ["a"]}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 500) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*DENSE, *LATENT]), inner, max_size=4),
    max_leaves=8,
)
KEYS = [*DENSE, *LATENT, *QWEN_MOE, "layer_types", "quantization_config", "text_config", "sliding_window"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_any_config_gives_facts_or_a_sentence(config):
    with suppress(UnreadableConfigError):
        assert facts_of({**DENSE, **config}, Weights(GIB), "acme/it").weights_gib == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"kv_lora_rank": 10**400, "qk_rope_head_dim": 64},
        {"max_position_embeddings": 10**4000},
        {"linear_num_value_heads": 10**300, "linear_key_head_dim": 1, "linear_value_head_dim": 1},
        {"quantization_config": {"num_bits": [1], "type": {}}},
        {"sliding_window_pattern": 10**400},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_numbers_that_no_model_has_are_no_facts(odd):
    with suppress(UnreadableConfigError):
        facts = facts_of({**DENSE, **odd, "layer_types": ["linear_attention"]}, Weights(GIB), "acme/it")
        assert facts.latent_attention is None
