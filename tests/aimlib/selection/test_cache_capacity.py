"""What the KV cache of a replica holds, by the recipes that are shipped."""

import pytest

from aimlib.api.recipe import AIMRecipe
from aimlib.selection.cache_capacity import cache_capacity
from aimlib.selection.launch import launch
from tests.cases import read
from tests.kustomize import ROOT

MEMORY = 79.19


def started(*args: str, name: str = "llama-3-1-8b-h100-bf16", count: int = 1):
    spec = AIMRecipe.model_validate(read(ROOT / "recipes" / f"{name}.yaml")).spec
    way = spec.configurations[0].model_copy(update={"args": args, "gpu_count": count})
    return launch(spec, way)


def test_tokens_of_full_attention_are_what_is_left_by_the_bytes_of_a_token():
    way = started("--max-model-len=8192", "--gpu-memory-utilization=0.9", "--enforce-eager")
    left = MEMORY * 0.9 - 14.96 - 2.4
    capacity = cache_capacity(way, MEMORY)
    assert capacity.tokens == pytest.approx(left * 2**30 / 131072, abs=2)
    assert capacity.sequences == pytest.approx(capacity.tokens / 8192, rel=1e-4)
    words = f"KV cache: {capacity.tokens} tokens, {capacity.tokens / 8192:.1f} sequences"
    assert str(capacity) == words


def test_each_data_parallel_rank_has_a_cache_of_its_own():
    alone = started("--max-model-len=8192")
    twice = started("--max-model-len=8192", "--data-parallel-size=2", count=2)
    assert cache_capacity(twice, MEMORY).tokens == pytest.approx(2 * cache_capacity(alone, MEMORY).tokens, abs=2)


def test_half_the_bytes_of_a_value_are_twice_the_tokens():
    plain, small = started("--max-model-len=8192"), started("--max-model-len=8192", "--kv-cache-dtype=fp8")
    assert cache_capacity(small, MEMORY).tokens == pytest.approx(2 * cache_capacity(plain, MEMORY).tokens, abs=2)


@pytest.mark.parametrize("memory", [0, 8, 16.5])
def test_there_are_none_where_weights_and_overhead_do_not_fit(memory):
    assert cache_capacity(started("--max-model-len=8192"), memory) == (0, 0)


@pytest.mark.parametrize(
    ("args", "graphs", "windows", "batched"),
    [
        ((), True, True, None),
        (("--enforce-eager",), False, True, None),
        (("--disable-hybrid-kv-cache-manager",), True, False, None),
        (("--max-num-batched-tokens=4096",), True, True, 4096),
    ],
)
def test_what_memory_depends_on_is_read_from_the_arguments(args, graphs, windows, batched):
    way = started(*args)
    assert (way.layout.graphs, way.layout.windows, way.layout.batched_tokens) == (graphs, windows, batched)


def test_sglang_keeps_windows_in_full_and_graphs_beside_its_fraction():
    way = started("--chunked-prefill-size=4096", name="gpt-oss-20b-h100-fp4-sglang")
    assert (way.layout.graphs, way.layout.windows, way.layout.batched_tokens) == (False, False, 4096)
