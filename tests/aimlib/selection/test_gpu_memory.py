"""Memory by the formula: published shapes fit where they are known to fit, and more never needs less."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aimlib.api.model_facts import ModelFacts
from aimlib.api.recipe import RecipeSpec
from aimlib.hardware.products import product
from aimlib.selection.gpu_memory import (
    GIB,
    Parallel,
    RequiredMemory,
    cache_bytes_per_token,
    illegal_degree,
    required_memory,
)
from aimlib.selection.launch import launch

LATENT = {"latentAttention": {"kvLoraRank": 512, "qkRopeHeadDim": 64}}

SHAPES = {
    "Qwen3-8B": (15.3, 36, 32, 8, 128, 40960),
    "Qwen3-32B": (61.0, 64, 64, 8, 128, 40960),
    "Qwen3-30B-A3B": (56.9, 48, 32, 4, 128, 40960),
    "Qwen3-235B-A22B": (437.9, 94, 64, 4, 128, 262144),
    "Llama-3.3-70B": (131.4, 80, 64, 8, 128, 131072),
    "Llama-3.1-405B fp8": (381, 126, 128, 8, 128, 131072),
    "Llama-4-Scout": (202.4, 48, 40, 8, 128, 10485760),
    "DeepSeek-R1 fp8": (641.3, 61, 128, None, None, 163840),
    "Kimi-K2 fp8": (958, 61, 64, None, None, 131072),
    "Mixtral-8x7B": (87.0, 32, 32, 8, 128, 32768),
    "Gemma-3-27B": (51.1, 62, 32, 16, 128, 131072),
    "gpt-oss-120b fp4": (60.8, 36, 64, 8, 64, 131072),
    "Phi-4": (27.3, 40, 40, 10, 128, 16384),
    "GLM-4.5": (667, 92, 96, 8, 128, 131072),
}
"""GiB of weights, layers, attention heads, key-value heads, width of a head, longest context. From each model's
config.json; weights are the sum of its safetensors files, or parameters times bytes of the format."""
WINDOWS = {"Gemma-3-27B": (52, 1024), "gpt-oss-120b fp4": (18, 128)}
"""Layers that remember their last tokens only, and how many tokens; from config.json too."""

LEAST_DEGREES = """
                     MI210 MI300A MI300X MI325X MI355X H100 H200 B200 L40S
Qwen3-8B                 1      1      1      1      1    1    1    1    1
Qwen3-32B                2      1      1      1      1    2    1    1    2
Qwen3-30B-A3B            2      1      1      1      1    1    1    1    2
Qwen3-235B-A22B          -      8      4      4      2    8    4    4    -
Llama-3.3-70B            4      2      1      1      1    4    2    1    4
Llama-3.1-405B fp8       8      4      4      2      2    8    4    4    -
Llama-4-Scout            8      2      2      1      1    4    2    2    8
DeepSeek-R1 fp8          -      8      8      4      4    -    8    8    -
Kimi-K2 fp8              -      -      8      8      8    -    -    8    -
Mixtral-8x7B             2      1      1      1      1    2    1    1    4
Gemma-3-27B              2      1      1      1      1    1    1    1    2
gpt-oss-120b fp4         2      1      1      1      1    1    1    1    2
Phi-4                    1      1      1      1      1    1    1    1    1
GLM-4.5                  -      8      8      4      4    -    8    8    -
"""
"""The least tensor-parallel degree of 1, 2, 4, 8 that holds one sequence of 32768 tokens at 0.90 of each device.

Computed once, apart from this code, and checked against what is published:
gpt-oss-120b on one H100, Llama-3.3-70B on one MI300X, DeepSeek-R1 on eight MI300X and Kimi-K2 on eight MI300X
(vllm-project/recipes), Llama-3.1-405B in FP8 on four MI300X (dstack's comparison of H100 and MI300X).
"""
HARDWARE, *ROWS = (line.split() for line in LEAST_DEGREES.strip().splitlines())
EXPECTED = [
    (" ".join(row[: -len(HARDWARE)]), gpu, least)
    for row in ROWS
    for gpu, least in zip(HARDWARE, row[-len(HARDWARE) :], strict=True)
]


def shape(name):
    weights, layers, heads, shared, width, longest = SHAPES[name]
    attention = LATENT if shared is None else {"keyValueHeads": shared, "headDim": width}
    if name in WINDOWS:
        attention |= {"slidingWindow": dict(zip(("layers", "tokens"), WINDOWS[name], strict=True))}
    raw = {"weightsGiB": weights, "layers": layers, "attentionHeads": heads, "maxContext": longest, **attention}
    return ModelFacts.model_validate(raw)


@pytest.mark.parametrize(("name", "gpu", "least"), EXPECTED, ids=lambda value: value)
def test_a_model_fits_from_this_degree_on(name, gpu, least):
    facts, usable = shape(name), product(gpu).memory_gib * 0.9
    legal = [degree for degree in (1, 2, 4, 8) if not illegal_degree(facts, degree)]
    tokens = min(32768, facts.max_context)
    fits = [str(degree) for degree in legal if required_memory(facts, Parallel(degree), tokens, 2).total <= usable]
    assert (fits or ["-"])[0] == least


def test_the_parts_add_up():
    found = required_memory(shape("Qwen3-32B"), Parallel(2), 32768, 2)
    assert found.weights == pytest.approx(61.0 * 1.02 / 2)
    assert found.cache == pytest.approx(32768 * 262144 / 2 / GIB)
    assert found.overhead == pytest.approx(2.3 + 0.05 * found.weights)
    assert found.total == found.weights + found.cache + found.overhead


@pytest.mark.parametrize(
    ("name", "bytes_per_token"),
    [("Qwen3-32B", 262144), ("Qwen3-8B", 147456), ("DeepSeek-R1 fp8", 70272), ("Llama-3.3-70B", 327680)],
)
def test_a_token_takes_what_the_shape_says(name, bytes_per_token):
    facts = shape(name)
    assert facts.layers * cache_bytes_per_token(facts, 1, 2) == bytes_per_token


def test_windows_keep_their_window_only():
    facts = shape("Gemma-3-27B")
    long, short = required_memory(facts, Parallel(), 131072, 2).cache, required_memory(facts, Parallel(), 1024, 2).cache
    assert short == pytest.approx(62 * 1024 * 8192 / GIB)
    assert long == pytest.approx((10 * 131072 + 52 * 1024) * 8192 / GIB)


def test_heads_are_copied_when_there_are_more_ranks_than_heads():
    facts = shape("Qwen3-235B-A22B")
    assert cache_bytes_per_token(facts, 8, 2) == cache_bytes_per_token(facts, 4, 2)


@pytest.mark.parametrize(
    ("name", "legal"),
    [
        ("Qwen3-32B", {1, 2, 4, 8}),
        ("Phi-4", {1, 2}),
        ("DeepSeek-R1 fp8", {1, 2, 4, 8}),
        ("Qwen3-30B-A3B", {1, 2, 4, 8}),
    ],
)
def test_a_degree_is_legal_where_the_heads_can_be_shared_out(name, legal):
    assert {degree for degree in (1, 2, 4, 8) if not illegal_degree(shape(name), degree)} == legal


@pytest.mark.parametrize(
    ("name", "degree", "words"),
    [
        ("Qwen3-32B", 3, "64 attention heads, which 3 does not divide"),
        ("Phi-4", 4, "10 key-value heads, neither a multiple nor a divisor of 4"),
        ("DeepSeek-R1 fp8", 3, "128 attention heads, which 3 does not divide"),
    ],
)
def test_an_illegal_degree_says_which_heads(name, degree, words):
    assert illegal_degree(shape(name), degree) == words


def test_a_need_is_said_in_its_parts():
    words = "36.8 GiB per device (weights 31.1, KV cache 1.9, overhead 3.9)"
    assert str(RequiredMemory(31.06, 1.86, 3.853)) == words


def test_a_replica_has_the_product_of_its_degrees_and_says_them():
    assert Parallel(4, 2, 2).devices == 16
    assert Parallel().devices == 1
    assert str(Parallel(4, 2, 1)) == "tensor 4 x pipeline 2 x data 1"


facts_of_models = st.builds(
    lambda weights, layers, window, heads, group, width, latent: ModelFacts.model_validate(
        {
            "weightsGiB": weights,
            "layers": layers,
            "attentionHeads": heads * group,
            "maxContext": 2**20,
            "slidingWindow": {"layers": min(window, layers), "tokens": 1024},
            **(LATENT if latent else {"keyValueHeads": heads, "headDim": width}),
        }
    ),
    st.floats(0, 2000),
    st.integers(1, 128),
    st.integers(1, 128),
    st.sampled_from([1, 2, 4, 8, 10, 16]),
    st.sampled_from([1, 4, 8]),
    st.sampled_from([64, 128, 256]),
    st.booleans(),
)
degrees = st.builds(Parallel, st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4]), st.sampled_from([1, 2]))
lengths = st.integers(1, 2**20)
widths = st.sampled_from([0.5, 1.0, 2.0])


@given(facts_of_models, degrees, lengths, widths, st.integers(0, 2**20))
def test_more_tokens_never_need_less(facts, parallel, tokens, width, more):
    assert (
        required_memory(facts, parallel, tokens, width).total
        <= required_memory(facts, parallel, tokens + more, width).total
    )


@given(facts_of_models, degrees, lengths, widths, st.floats(0, 100))
def test_more_weights_never_need_less(facts, parallel, tokens, width, more):
    heavier = facts.model_copy(update={"weights_gib": facts.weights_gib + more})
    assert (
        required_memory(facts, parallel, tokens, width).total <= required_memory(heavier, parallel, tokens, width).total
    )


@given(facts_of_models, degrees, lengths, widths)
def test_more_devices_never_need_more_of_each(facts, parallel, tokens, width):
    before = required_memory(facts, parallel, tokens, width)
    wider = required_memory(facts, parallel._replace(tensor=parallel.tensor * 2), tokens, width)
    longer = required_memory(facts, parallel._replace(pipeline=parallel.pipeline * 2), tokens, width)
    for part in ("weights", "cache", "overhead", "total"):
        assert getattr(wider, part) <= getattr(before, part)
        assert getattr(longer, part) <= getattr(before, part)


@given(facts_of_models, degrees, lengths, widths)
def test_a_latent_cache_is_the_same_on_every_rank(facts, parallel, tokens, width):
    assume(facts.latent_attention)
    alone = required_memory(facts, parallel._replace(tensor=1), tokens, width)
    assert required_memory(facts, parallel, tokens, width).cache == alone.cache


@given(facts_of_models, degrees, lengths, widths)
def test_replicas_inside_a_replica_share_nothing(facts, parallel, tokens, width):
    once = required_memory(facts, parallel._replace(data=1), tokens, width)
    assert required_memory(facts, parallel, tokens, width) == once


@given(facts_of_models, degrees, lengths)
def test_half_the_bytes_per_value_are_half_the_cache(facts, parallel, tokens):
    whole, half = required_memory(facts, parallel, tokens, 2.0), required_memory(facts, parallel, tokens, 1.0)
    assert half.cache == pytest.approx(whole.cache / 2)
    assert (half.weights, half.overhead) == (whole.weights, whole.overhead)


@pytest.mark.parametrize(
    ("sizes", "degree", "experts", "words"),
    [
        ({"moeIntermediateSize": 768}, 2, None, ""),
        (
            {"moeIntermediateSize": 768},
            4,
            None,
            "experts of 768, of which 192 for each of 4 ranks is no multiple",
        ),
        ({"moeIntermediateSize": 768}, 4, 1, ""),
        ({"moeIntermediateSize": 768}, 8, 4, "experts of 768, of which 192 for each of 4 ranks"),
        ({"intermediateSize": 25600}, 8, None, ""),
        ({"intermediateSize": 9728}, 8, 1, "an intermediate size of 9728, of which 1216 for each of 8 ranks"),
    ],
)
def test_quantised_blocks_are_not_cut_apart(sizes, degree, experts, words):
    facts = ModelFacts.model_validate({**shape("Qwen3-32B").wire(), **sizes, "quantizationBlock": 128})
    assert illegal_degree(facts, degree, experts).startswith(words)
    assert bool(illegal_degree(facts, degree, experts)) == bool(words)


@pytest.mark.parametrize(
    ("backend", "args", "degree"),
    [
        ("vllm", ("--tensor-parallel-size=8",), 8),
        ("vllm", ("--tensor-parallel-size=8", "--enable-expert-parallel"), 1),
        ("vllm", ("--tensor-parallel-size=8", "--enable-expert-parallel", "--max-model-len=4096"), 1),
        ("sglang", ("--tp-size=8", "--ep-size=4"), 2),
        ("sglang", ("--tp-size=8", "--ep-size=8"), 1),
        ("sglang", ("--tp-size=8", "--ep-size=1"), 8),
    ],
)
def test_among_how_many_ranks_an_expert_is_divided(backend, args, degree):
    raw = {"modelId": "a/b", "hardware": "MI300X", "precision": "fp8", "backend": backend}
    recipe = RecipeSpec.model_validate({**raw, "configurations": [{"gpuCount": 8, "args": args}]})
    assert launch(recipe, recipe.configurations[0]).expert_degree == degree
