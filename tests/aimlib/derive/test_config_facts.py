"""Facts of a dozen families of models, from the keys of their config.json alone."""

import time
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
KIMI = {"num_heads": 32, "head_dim": 128}
GEMMA4 = {
    "head_dim": 256,
    "global_head_dim": 512,
    "num_global_key_value_heads": 4,
    "layer_types": GEMMA_LAYERS * 2,
    "sliding_window": 1024,
    "top_k_experts": 8,
    "num_experts": 128,
}
GEMMA4_EDGE = {
    "head_dim": 256,
    "global_head_dim": 512,
    "num_global_key_value_heads": None,
    "num_kv_shared_layers": 20,
    "layer_types": (["sliding_attention"] * 4 + ["full_attention"]) * 7,
    "sliding_window": 512,
}
MIMO = {"hybrid_layer_pattern": [0, 1, 1, 1, 1, 0], "swa_num_key_value_heads": 8, "sliding_window_size": 128}
COMPRESSED = {"quant_method": "compressed-tensors"}
FP8_GROUP = {"group_0": {"weights": {"num_bits": 8, "type": "float", "strategy": "channel"}}}
FP8_AND_NVFP4 = {**FP8_GROUP, "group_1": {"weights": {"num_bits": 4, "type": "float", "group_size": 16}}}
BLOCKS = {"num_bits": 8, "type": "float", "block_structure": [128, 128]}
YARN = {"factor": 4.0, "original_max_position_embeddings": 32768}
LAYERS = {"a": {"quant_algo": "MXFP8"}, "b": {"quant_algo": "NVFP4"}, "c": 3}
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
    "experts whose size is the only one": (
        {
            **DENSE,
            "num_local_experts": 256,
            "num_experts_per_tok": 8,
            "intermediate_size": 1536,
            "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
        },
        {
            "experts": {"count": 256, "active": 8},
            "quantization": "fp8-block",
            "quantizationBlock": 128,
            "moeIntermediateSize": 1536,
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
    "deepseek with sparse attention": (
        {**DENSE, **LATENT, "index_head_dim": 128},
        {"latentAttention": {"kvLoraRank": 512, "qkRopeHeadDim": 64, "indexHeadDim": 128}},
    ),
    "deepseek v4, counted without its compression": (
        {**DENSE, "head_dim": 512, "qk_rope_head_dim": 64, "compress_ratios": [0, 4, 128], "sliding_window": 128},
        {"layers": 32, "latentAttention": {"kvLoraRank": 448, "qkRopeHeadDim": 64}},
    ),
    "qwen3 next, by interval": (
        {**DENSE, **LINEAR, "full_attention_interval": 4},
        {"layers": 8, "linearAttention": {"layers": 24, "stateKiB": 1024.0}},
    ),
    "kimi linear": (
        {
            **DENSE,
            **LATENT,
            "num_hidden_layers": 6,
            "linear_attn_config": {**KIMI, "full_attn_layers": [4, 8], "kda_layers": [1, 2, 3, 5]},
        },
        {"layers": 2, "linearAttention": {"layers": 4, "stateKiB": 1024.0}},
    ),
    "gemma 4, whose layers of full attention have other heads": (
        {"text_config": {**DENSE, **GEMMA4, "num_hidden_layers": 60, "num_key_value_heads": 16}},
        {"layers": 60, "slidingWindow": {"layers": 50, "tokens": 1024}, "keyValueHeads": 16, "headDim": 256},
    ),
    "gemma 4 for edges, whose last layers use the cache of others": (
        {"text_config": {**DENSE, **GEMMA4_EDGE, "num_hidden_layers": 35, "num_key_value_heads": 1}},
        {"layers": 15, "slidingWindow": {"layers": 12, "tokens": 512}, "keyValueHeads": 1, "headDim": 512},
    ),
    "mimo, whose values are narrower than keys": (
        {**DENSE, **MIMO, "num_hidden_layers": 6, "num_key_value_heads": 4, "head_dim": 192, "v_head_dim": 128},
        {"layers": 6, "slidingWindow": {"layers": 4, "tokens": 128}, "keyValueHeads": 8, "headDim": 160},
    ),
    "nemotron, by letters": (
        {**DENSE, "num_hidden_layers": 8, "hybrid_override_pattern": "MEM*E-M*"},
        {"layers": 2, "linearAttention": {"layers": 3, "stateKiB": 0.0}},
    ),
    "nemotron, by names, without a number of layers": (
        {
            **{key: value for key, value in DENSE.items() if key != "num_hidden_layers"},
            "mamba_num_heads": 64,
            "mamba_head_dim": 64,
            "ssm_state_size": 128,
            "mamba_ssm_cache_dtype": "float32",
            "layers_block_type": ["mamba", "moe", "mamba", "attention", "moe", "mlp"],
        },
        {"layers": 1, "linearAttention": {"layers": 2, "stateKiB": 2048.0}},
    ),
    "gated delta attention, whose states have 32 bit": (
        {
            **DENSE,
            "num_hidden_layers": 4,
            "full_attention_interval": 4,
            "linear_num_value_heads": 32,
            "linear_key_head_dim": 128,
            "linear_value_head_dim": 128,
            "mamba_ssm_dtype": "float32",
        },
        {"layers": 1, "linearAttention": {"layers": 3, "stateKiB": 2048.0}},
    ),
    "jamba, by a period and the place in it": (
        {
            **DENSE,
            "num_hidden_layers": 16,
            "attn_layer_period": 8,
            "attn_layer_offset": 4,
            "hidden_size": 4096,
            "mamba_expand": 2,
            "mamba_d_state": 16,
        },
        {"layers": 2, "linearAttention": {"layers": 14, "stateKiB": 256.0}},
    ),
    "lfm2, by the places of full attention": (
        {**DENSE, "num_hidden_layers": 6, "full_attn_idxs": [2, 5]},
        {"layers": 2, "linearAttention": {"layers": 4, "stateKiB": 0.0}},
    ),
    "bamba, by the places of attention": (
        {**DENSE, "attn_layer_indices": [9, 18, 27], "mamba_n_heads": 128, "mamba_d_head": 64, "mamba_d_state": 128},
        {"layers": 3, "linearAttention": {"layers": 29, "stateKiB": 2048.0}},
    ),
    "falcon h1, with both in each layer": (
        {**DENSE, "model_type": "falcon_h1", "mamba_n_heads": 32, "mamba_d_head": 128, "mamba_d_state": 256},
        {"layers": 32, "linearAttention": {"layers": 32, "stateKiB": 2048.0}},
    ),
    "minimax, with a number for each layer": (
        {**DENSE, "attn_type_list": ([0] * 7 + [1]) * 4, "head_dim": 128},
        {"layers": 4, "linearAttention": {"layers": 28, "stateKiB": 1024.0}},
    ),
    "minimax, with full attention throughout": ({**DENSE, "attn_type_list": [1] * 32}, {"layers": 32}),
    "ling, by groups, with a last one that is not whole": (
        {**DENSE, "num_hidden_layers": 34, "layer_group_size": 8},
        {"layers": 6, "linearAttention": {"layers": 28, "stateKiB": 1024.0}},
    ),
    "starcoder, whose heads share one": (
        {**DENSE, "multi_query": True, "num_key_value_heads": None},
        {"keyValueHeads": 1, "headDim": 128},
    ),
    "falcon 40b, whose heads share several": (
        {**DENSE, "multi_query": True, "new_decoder_architecture": True, "num_kv_heads": 8},
        {"keyValueHeads": 8},
    ),
    "granite, whose state space has other names": (
        {
            **DENSE,
            "mamba_n_heads": 128,
            "mamba_d_head": 64,
            "mamba_d_state": 128,
            "layer_types": ["mamba"] * 28 + ["attention"] * 4,
        },
        {"layers": 4, "linearAttention": {"layers": 28, "stateKiB": 2048.0}},
    ),
    "nemotron super, with blocks without attention": (
        {
            **DENSE,
            "num_key_value_heads": None,
            "num_hidden_layers": 4,
            "block_configs": [
                {"attention": {"n_heads_in_group": 8, "no_op": False}},
                {"attention": {"n_heads_in_group": None, "no_op": True}},
                {"attention": {"n_heads_in_group": 4, "no_op": False}},
                {"attention": {"n_heads_in_group": None, "replace_with_linear": True}},
            ],
        },
        {"layers": 2, "keyValueHeads": 8},
    ),
    "minicpm3, whose cache engines do not compress": (
        {**DENSE, **LATENT, "model_type": "minicpm3", "qk_nope_head_dim": 64, "num_key_value_heads": 32},
        {"layers": 32, "keyValueHeads": 32, "headDim": 128},
    ),
    "longcat, with two attentions in a layer": (
        {**DENSE, **LATENT, "model_type": "longcat_flash"},
        {"layers": 64, "latentAttention": {"kvLoraRank": 512, "qkRopeHeadDim": 64}},
    ),
    "step3, by groups": (
        {**DENSE, "num_key_value_heads": None, "num_attention_groups": 1, "head_dim": 256},
        {"keyValueHeads": 1, "headDim": 256},
    ),
    "gemma 3, whose pattern is left to its class": (
        {"text_config": {**DENSE, "model_type": "gemma3_text", "num_hidden_layers": 62, "sliding_window": 1024}},
        {"slidingWindow": {"layers": 52, "tokens": 1024}},
    ),
    "exaone, by letters": (
        {**DENSE, "num_hidden_layers": 64, "sliding_window_pattern": "LLLG", "sliding_window": 4096},
        {"slidingWindow": {"layers": 48, "tokens": 4096}},
    ),
    "qwen2 with a window in its last layers": (
        {**DENSE, "sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 28},
        {"slidingWindow": {"layers": 4, "tokens": 4096}},
    ),
    "hunyuan, with experts by layer": (
        {**DENSE, "num_experts": 64, "moe_topk": [8] * 32},
        {"experts": {"count": 64, "active": 8}},
    ),
    "omni, whose inputs are nested, too": (
        {"thinker_config": {"text_config": DENSE, "audio_config": {}, "vision_config": {}}},
        {"modalities": ["image", "audio"]},
    ),
    "zamba, whose heads are wider": (
        {**DENSE, "attention_head_dim": 224, "layers_block_type": ["mamba", "hybrid"] * 16},
        {"layers": 16, "headDim": 224, "linearAttention": {"layers": 32, "stateKiB": 0.0}},
    ),
    "roberta, with rows for the padding": (
        {**DENSE, "model_type": "xlm-roberta", "max_position_embeddings": 8194, "pad_token_id": 1},
        {"maxContext": 8192},
    ),
    "phi 4 multimodal": ({**DENSE, "img_processor": {}, "audio_processor": {}}, {"modalities": ["image", "audio"]}),
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


def test_a_window_that_no_layer_has_is_none():
    whole = {**DENSE, "sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 32}
    assert facts_of(whole, Weights(GIB), "acme/it").sliding_window is None


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


def test_the_format_of_mlx_is_none_that_engines_load():
    bits = {"group_size": 64, "bits": 4}
    with pytest.raises(UnreadableConfigError, match="acme/it-4bit is in MLX's format, which no engine here loads"):
        facts_of({**DENSE, "quantization": bits, "quantization_config": bits}, Weights(GIB), "acme/it-4bit")


@pytest.mark.parametrize(
    ("config", "size", "said"),
    [
        (DENSE, 0, "acme/it has no safetensors files"),
        ({}, GIB, "the config.json of acme/it lacks what memory is computed from"),
        ({**DENSE, "num_hidden_layers": "32"}, GIB, "layers"),
        ({**DENSE, "max_position_embeddings": None}, GIB, "maxContext"),
        ({**DENSE, "hidden_size": None, "head_dim": None}, GIB, "facts need either keyValueHeads and headDim"),
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
        (
            {**COMPRESSED, "config_groups": {"a": {"weights": {"num_bits": 4, "type": "float", "group_size": 32}}}},
            "mxfp4",
        ),
        ({"quant_method": "bitsandbytes", "config_groups": None}, None),
        ({"quant_method": "modelopt", "config_groups": FP8_AND_NVFP4}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": LAYERS}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "W4A8_AWQ"}, "awq"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128], "moe_quant_algo": "NVFP4"}, "nvfp4"),
        (
            {"quant_method": "quark", "global_quant_config": {"weight": [{"dtype": "fp8_e4m3"}, {"dtype": "int4"}]}},
            "fp8",
        ),
        ({"quant_method": "quark", "layer_quant_config": {"*mlp*": {"weight": {"dtype": "fp4"}}}}, "mxfp4"),
        ({"quant_method": "auto-round", "bits": 4}, "gptq"),
        ({"quant_method": "intel/auto-round", "bits": 4, "data_type": "int"}, "gptq"),
        ({"quant_method": "auto-round", "bits": 4, "data_type": "mx_fp4"}, None),
        ({"quant_method": "modelopt", "quantization": {"quant_algo": "NVFP4"}}, "nvfp4"),
        ({"quant_method": "compressed_tensors", "config_groups": {"a": {"weights": BLOCKS}}}, "fp8-block"),
    ],
)
def test_formats_of_weights(config, expected):
    assert format_of(config) == expected


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"load_in_4bit": True}, "a method without a name"),
        ({"quant_method": "exl3"}, "exl3"),
        ({"quant_method": "torchao", "quant_type": {"default": {}}}, "torchao"),
        ({"quant_method": "auto-round", "data_type": "nv_fp4", "bits": 4}, r"auto-round \(nv_fp4\)"),
        ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp6_e3m2"}}}, r"quark \(fp6_e3m2\)"),
        ({**COMPRESSED, "config_groups": {"a": {"weights": {"num_bits": 3}}}}, r"compressed-tensors \(3 bits\)"),
        ({**COMPRESSED, "sparsity_config": {"format": "sparse-24-bitmask"}}, r"compressed-tensors \(sparse-24-bit"),
        ({"quant_method": "x\x1b[31m" + "y" * 5000}, r"x\[31my{59},"),
    ],
)
def test_weights_in_a_format_that_is_not_known_are_not_taken_for_those_that_are_not_quantized(config, named):
    with pytest.raises(UnreadableConfigError, match=f"acme/it has weights that are quantized by {named}") as refused:
        facts_of({**DENSE, "quantization_config": config}, Weights(GIB), "acme/it")
    assert str(refused.value).endswith(
        ": request the repository that it was made from, or one with AWQ, GPTQ or FP8, or write a recipe"
    )


@pytest.mark.parametrize(
    "config",
    [
        {**COMPRESSED, "config_groups": {}, "kv_cache_scheme": {"num_bits": 8, "type": "float"}},
        {**COMPRESSED, "config_groups": {"a": {"weights": None}}, "sparsity_config": {"format": "dense"}},
        {"quant_method": "modelopt", "quant_algo": None, "kv_cache_quant_algo": "FP8"},
    ],
    ids=["groups", "a group", "modelopt"],
)
def test_a_file_about_the_kv_cache_alone_leaves_weights_as_they_are(config):
    assert precision_of(facts_of({**DENSE, "quantization_config": config}, Weights(GIB), "acme/it")) == "bf16"


def test_early_files_of_compressed_tensors_have_another_key():
    stated = {"compression_config": {**COMPRESSED, "config_groups": FP8_GROUP}}
    assert facts_of({**DENSE, **stated}, Weights(GIB), "acme/it").quantization == "fp8"


@pytest.mark.parametrize(
    ("rope", "positions", "context"),
    [
        ({"rope_scaling": {"type": "yarn", **YARN}}, 32768, 131072),
        ({"rope_parameters": {"rope_type": "yarn", **YARN}}, None, 131072),
        ({"rope_scaling": {"rope_type": "deepseek_yarn", **YARN, "factor": 40}}, 131072, 1310720),
        ({"rope_scaling": {"type": "yarn", "factor": 4}}, 32768, 32768),
        ({"rope_scaling": {"type": "yarn", **YARN, "factor": None}}, 32768, 32768),
        ({"rope_scaling": {"type": "yarn", **YARN, "factor": 1e300}}, 32768, 32768),
        ({"rope_scaling": {"rope_type": "llama3", **YARN}}, 131072, 131072),
        ({"rope_scaling": {"type": "linear", "factor": 4}}, 16384, 16384),
        ({"rope_scaling": "yarn"}, 4096, 4096),
    ],
)
def test_the_context_is_as_long_as_yarn_makes_it(rope, positions, context):
    assert facts_of({**DENSE, "max_position_embeddings": positions, **rope}, Weights(GIB), "a").max_context == context


def test_a_block_is_a_list_of_sizes():
    assert block_of({"weight_block_size": [64, 64]}) == 64
    for odd in (["a"], [True], [0], [10**400], [], "64", None):
        assert block_of({"weight_block_size": odd}) is None


def nested(levels):
    inner = "deep"
    for _ in range(levels):
        inner = [inner]
    return inner


def test_what_is_nested_deep_is_no_word():
    deep = nested(100_000)
    odd = {
        "architectures": [deep],
        "quantization_config": {"quant_method": deep, "quant_algo": deep, "num_bits": deep, "type": deep},
        "layer_types": [deep],
    }
    with pytest.raises(UnreadableConfigError, match="quantized by a method without a name, for which"):
        facts_of({**DENSE, **odd}, Weights(GIB), "acme/it")
    odd["quantization_config"]["quant_method"] = "fp8"
    found = facts_of({**DENSE, **odd}, Weights(GIB), "acme/it")
    assert (found.architecture, found.quantization) == (None, "fp8")


def test_the_name_of_an_architecture_is_printable_and_short():
    assert facts_of({**DENSE, "architectures": ["A\x1b[31m\ud800" + "x" * 5000]}, Weights(GIB), "it").architecture == (
        "A[31m" + "x" * 195
    )


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


def test_a_list_of_a_million_layers_is_read_at_once():
    config = {**DENSE, "num_hidden_layers": 4096, "full_attn_idxs": [*range(1024)] + [2**20] * 10**6}
    began = time.process_time()
    with suppress(UnreadableConfigError):
        facts_of(config, Weights(GIB), "acme/long")
    assert time.process_time() - began < 5
