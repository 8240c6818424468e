"""Memory by the formula: published shapes fit where they are known to fit, and more never needs less."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aimlib.api.model_facts import ModelFacts
from aimlib.api.recipe import RecipeSpec
from aimlib.hardware.products import known_products
from aimlib.selection.gpu_memory import (
    GIB,
    Layout,
    RequiredMemory,
    loaded_gib,
    required_memory,
)
from aimlib.selection.kv_cache import cache_bytes_per_token
from aimlib.selection.launch import launch
from aimlib.selection.parallel import Parallel, illegal_degree

H100 = 79.19
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
MORE = {
    "Gemma-3-27B": {"slidingWindow": {"layers": 52, "tokens": 1024}, "modalities": ["image"]},
    "gpt-oss-120b fp4": {"slidingWindow": {"layers": 18, "tokens": 128}, "quantization": "mxfp4"},
    "Llama-4-Scout": {
        "chunkedAttention": {"layers": 36, "tokens": 8192},
        "modalities": ["image"],
        "architecture": "Llama4ForConditionalGeneration",
    },
}
"""Facts that not every model has; from config.json too."""

LEAST_DEGREES = """
                     MI210 MI300A MI300X MI325X MI355X H100 H200 B200 L40S
Qwen3-8B                 1      1      1      1      1    1    1    1    1
Qwen3-32B                2      1      1      1      1    2    1    1    2
Qwen3-30B-A3B            2      1      1      1      1    1    1    1    2
Qwen3-235B-A22B          -      8      4      2      2    8    4    4    -
Llama-3.3-70B            4      2      1      1      1    4    2    1    8
Llama-3.1-405B fp8       8      4      4      2      2    8    4    4    -
Llama-4-Scout            8      2      2      1      1    4    2    2    8
DeepSeek-R1 fp8          -      8      4      4      4    -    8    8    -
Kimi-K2 fp8              -      -      8      8      4    -    -    8    -
Mixtral-8x7B             2      1      1      1      1    2    1    1    4
Gemma-3-27B              2      1      1      1      1    1    1    1    2
gpt-oss-120b fp4         2      1      1      1      1    1    1    1    2
Phi-4                    1      1      1      1      1    1    1    1    1
GLM-4.5                  -      8      8      4      4    -    8    8    -
"""
"""The least tensor-parallel degree of 1, 2, 4, 8 that holds one sequence of 32768 tokens at 0.90 of each device.

Computed once, apart from this code, and checked against what is published, which never uses fewer: gpt-oss-120b on one
H100, Llama-3.3-70B on one MI300X, DeepSeek-R1 on eight MI300X and Kimi-K2 on eight MI300X (vllm-project/recipes),
Llama-3.1-405B in FP8 on four MI300X (dstack's comparison of H100 and MI300X).
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
    raw = {"weightsGiB": weights, "layers": layers, "attentionHeads": heads, "maxContext": longest, **attention}
    return ModelFacts.model_validate(raw | MORE.get(name, {}))


@pytest.mark.parametrize(("name", "gpu", "least"), EXPECTED, ids=lambda value: value)
def test_a_model_fits_from_this_degree_on(name, gpu, least):
    facts, usable = shape(name), known_products().product(gpu).memory_gib * 0.9
    legal = [degree for degree in (1, 2, 4, 8) if not illegal_degree(facts, degree)]
    tokens = min(32768, facts.max_context)
    memory = known_products().product(gpu).memory_gib
    needed = {degree: required_memory(facts, Layout(Parallel(degree), tokens, graphs=True), memory) for degree in legal}
    fits = [str(degree) for degree in legal if needed[degree].total <= usable]
    assert (fits or ["-"])[0] == least


def test_the_parts_add_up():
    found = required_memory(shape("Qwen3-32B"), Layout(Parallel(2), 32768, graphs=True), H100)
    assert found.weights == pytest.approx(61.0 / 2)
    assert found.cache == pytest.approx(32768 * 262144 / 2 / GIB)
    assert found.overhead == pytest.approx(4.2 + 1.04)
    assert found.total == found.weights + found.cache + found.overhead


@pytest.mark.parametrize(
    ("name", "size"),
    [("Qwen3-32B", 262144), ("Qwen3-8B", 147456), ("DeepSeek-R1 fp8", 70272), ("Llama-3.3-70B", 327680)],
)
def test_a_token_takes_what_the_shape_says(name, size):
    facts = shape(name)
    assert facts.layers * cache_bytes_per_token(facts, 1, 2) == size


@pytest.mark.parametrize(
    ("tokens", "memory", "gib"), [(8192, H100, 4.38), (65536, H100, 13.0), (131072, 192, 25.5)], ids=str
)
def test_windows_keep_their_window_and_what_is_in_flight_in_padded_groups(tokens, memory, gib):
    """The first is measured with vLLM 0.19; the others are what vLLM 0.33 reserves."""
    facts = shape("Gemma-3-27B")
    assert required_memory(facts, Layout(tokens=tokens), memory).cache == pytest.approx(gib, abs=0.05)
    whole = required_memory(facts, Layout(tokens=tokens, windows=False), memory).cache
    assert whole == pytest.approx(62 * tokens * 8192 / GIB)


@pytest.mark.parametrize(
    ("extra", "loaded"),
    [
        ({}, 10),
        ({"quantization": "fp8"}, 10),
        ({"quantization": "mxfp4"}, 10.6),
        ({"architecture": "Llama4ForConditionalGeneration"}, 10.5),
        ({"tiedEmbeddings": True}, 10),
        ({"tiedEmbeddings": True, "parametersBillions": 4}, 4e9 * 2 / GIB),
        ({"tiedEmbeddings": True, "parametersBillions": 40}, 10),
        ({"tiedEmbeddings": True, "parametersBillions": 4, "quantization": "awq"}, 10),
    ],
    ids=str,
)
def test_files_are_loaded_at_their_size_but_for_some_kernels_and_a_second_copy(extra, loaded):
    facts = ModelFacts.model_validate({**shape("Qwen3-8B").wire(), "weightsGiB": 10, **extra})
    assert loaded_gib(facts) == pytest.approx(loaded)


@pytest.mark.parametrize(
    ("extra", "layout", "overhead"),
    [
        ({}, Layout(), 2.4),
        ({}, Layout(Parallel(data=2)), 2.4),
        ({}, Layout(Parallel(2)), 4.2),
        ({}, Layout(Parallel(1, 2)), 4.2),
        ({}, Layout(graphs=True), 3.44),
        ({"modalities": ["image"]}, Layout(), 3.6),
        ({"modalities": ["text"]}, Layout(), 2.4),
        ({"hiddenSize": 4096}, Layout(), 2.4),
        ({"hiddenSize": 4096}, Layout(batched_tokens=131072), 2.4 + 13.5 - 2),
        ({"hiddenSize": 4096}, Layout(Parallel(2), batched_tokens=131072), 4.2 + 8.25 - 2),
        ({"hiddenSize": 4096, "experts": {"count": 64, "active": 8}}, Layout(batched_tokens=131072), 2.4 + 21.5 - 2),
    ],
    ids=str,
)
def test_the_overhead_is_by_ranks_inputs_graphs_and_tokens_of_a_step(extra, layout, overhead):
    facts = ModelFacts.model_validate({**shape("Qwen3-8B").wire(), **extra})
    assert required_memory(facts, layout._replace(tokens=1), H100).overhead == pytest.approx(overhead)


@pytest.mark.parametrize(
    ("stated", "memory", "batched"),
    [(None, 44.9, 2048), (None, H100, 8192), (None, 192, 16384), (512, H100, 512), (-1, H100, 8192), (None, 0, 2048)],
)
def test_the_tokens_of_a_step_are_stated_or_by_the_device(stated, memory, batched):
    assert Layout(batched_tokens=stated).batched(memory) == batched


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
layouts = st.builds(
    Layout,
    degrees,
    st.integers(1, 2**20),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.none() | st.integers(1, 2**17),
    st.booleans(),
    st.booleans(),
    drafted=st.integers(0, 16),
    draft=st.none(),
    adapters=st.just(0),
    adapter_rank=st.just(0),
)
devices = st.sampled_from([16.0, 64.0, 79.19, 192.0])


@given(facts_of_models, layouts, devices, st.integers(0, 2**20))
def test_more_tokens_never_need_less(facts, layout, memory, more):
    longer = layout._replace(tokens=layout.tokens + more)
    assert required_memory(facts, layout, memory).total <= required_memory(facts, longer, memory).total


@given(facts_of_models, layouts, devices, st.integers(0, 2**17))
def test_more_tokens_of_a_step_never_need_less(facts, layout, memory, more):
    wider = layout._replace(batched_tokens=layout.batched(memory) + more)
    assert required_memory(facts, layout, memory).total <= required_memory(facts, wider, memory).total


@given(facts_of_models, layouts, devices, st.floats(0, 100))
def test_more_weights_never_need_less(facts, layout, memory, more):
    heavier = facts.model_copy(update={"weights_gib": facts.weights_gib + more})
    assert required_memory(facts, layout, memory).total <= required_memory(heavier, layout, memory).total


@given(facts_of_models, layouts, devices)
def test_more_devices_never_need_more_weights_and_tensor_parallelism_no_more_cache_of_each(facts, layout, memory):
    parallel, before = layout.parallel, required_memory(facts, layout, memory)
    wider = layout._replace(parallel=parallel._replace(tensor=parallel.tensor * 2))
    longer = layout._replace(parallel=parallel._replace(pipeline=parallel.pipeline * 2))
    assert required_memory(facts, wider, memory).weights <= before.weights
    assert required_memory(facts, longer, memory).weights <= before.weights
    assert required_memory(facts, wider, memory).cache <= before.cache
    if parallel.tensor > 1:
        assert required_memory(facts, wider, memory).overhead <= before.overhead


@given(facts_of_models, layouts, devices)
def test_a_latent_cache_is_the_same_on_every_rank(facts, layout, memory):
    assume(facts.latent_attention)
    alone = layout._replace(parallel=layout.parallel._replace(tensor=1))
    assert required_memory(facts, layout, memory).cache == required_memory(facts, alone, memory).cache


@given(facts_of_models, layouts, devices)
def test_replicas_inside_a_replica_share_nothing(facts, layout, memory):
    once = layout._replace(parallel=layout.parallel._replace(data=1))
    assert required_memory(facts, layout, memory) == required_memory(facts, once, memory)


@given(facts_of_models, layouts, devices)
def test_half_the_bytes_per_value_are_half_the_cache(facts, layout, memory):
    whole, half = layout._replace(element_bytes=2.0), layout._replace(element_bytes=1.0)
    more, less = required_memory(facts, whole, memory), required_memory(facts, half, memory)
    assert less.cache == pytest.approx(more.cache / 2)
    assert (less.weights, less.overhead) == (more.weights, more.overhead)


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
    assert launch(recipe, recipe.configurations[0]).parallel.expert_divided == degree


def test_a_layer_of_sparse_attention_keeps_an_indexers_key_in_eight_bit_beside_its_entry():
    shape = {"weightsGiB": 641, "layers": 61, "attentionHeads": 128, "maxContext": 163840}
    sparse = {"latentAttention": {**LATENT["latentAttention"], "indexHeadDim": 128}}
    plain, indexed = (ModelFacts.model_validate({**shape, **one}) for one in (LATENT, sparse))
    assert cache_bytes_per_token(plain, 8, 2.0) == 1152
    assert cache_bytes_per_token(indexed, 8, 2.0) == 1152 + 132
    assert cache_bytes_per_token(indexed, 8, 1.0) == 576 + 132


@given(facts_of_models, facts_of_models, layouts, devices)
def test_a_second_model_that_drafts_never_needs_less(facts, draft, layout, memory):
    before = required_memory(facts, layout, memory)
    after = required_memory(facts, layout._replace(draft=draft), memory)
    assert after.weights >= before.weights
    assert after.total >= before.total
