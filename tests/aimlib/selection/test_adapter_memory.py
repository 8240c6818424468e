"""Memory of LoRA adapters: a published size, each kind of model, and that more of anything never needs less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.model_facts import ModelFacts
from aimlib.kube.quantity import GIB
from aimlib.selection.adapter_memory import ELEMENT_BYTES, LARGEST_VOCABULARY, adapters_gib
from aimlib.selection.gpu_memory import GRAPHS_GIB, Layout, required_memory
from aimlib.selection.parallel import Parallel

LLAMA = {
    "weightsGiB": 15,
    "layers": 32,
    "attentionHeads": 32,
    "keyValueHeads": 8,
    "headDim": 128,
    "hiddenSize": 4096,
    "intermediateSize": 14336,
    "maxContext": 131072,
}
"""Llama-3.1-8B, by its config.json."""
PUBLISHED = 41_943_040
"""Parameters of an adapter of rank 16 for all of its linear layers, as PEFT prints them ("trainable params")."""
EXPERTS = {"experts": {"count": 128, "active": 8}, "moeIntermediateSize": 768}
LATENT = {"keyValueHeads": None, "headDim": None, "latentAttention": {"kvLoraRank": 512, "qkRopeHeadDim": 64}}
LINEAR = {"linearAttention": {"layers": 12, "stateKiB": 512}}
KINDS = st.sampled_from([{}, EXPERTS, LATENT, LINEAR, {"hiddenSize": None}, {"intermediateSize": None}])


def facts(**changes):
    return ModelFacts.model_validate({key: value for key, value in (LLAMA | changes).items() if value is not None})


def test_an_adapter_of_all_layers_is_as_large_as_published():
    output = 16 * (4096 + LARGEST_VOCABULARY)
    assert adapters_gib(facts(), 1, 1, 1, 16) * GIB == pytest.approx((PUBLISHED + output) * ELEMENT_BYTES)


@pytest.mark.parametrize(
    ("changes", "width"),
    [
        ({}, 14336),
        ({"intermediateSize": None, "parametersBillions": 8.03}, 8.03e9 / 32 / 3 / 4096),
        ({"intermediateSize": None}, 3.5 * 4096),
        ({"intermediateSize": 512, **EXPERTS}, 768),
        ({**EXPERTS, "moeIntermediateSize": None, "parametersBillions": 30.5}, 30.5e9 / 32 / 3 / 4096 / 128),
    ],
)
def test_an_mlp_is_as_wide_as_is_known_and_else_as_wide_as_it_may_be(changes, width):
    experts = 129 if "experts" in changes else 1
    attention = 4 * 4096 + 2 * 4096 + 2 * 1024
    sides = 32 * (attention + experts * 3 * (4096 + width)) + 4096 + LARGEST_VOCABULARY
    assert adapters_gib(facts(**changes), 1, 1, 2, 8) * GIB == pytest.approx(2 * 8 * sides * ELEMENT_BYTES)


def test_a_width_that_nobody_knows_is_that_of_all_heads():
    assert adapters_gib(facts(hiddenSize=None), 1, 1, 1, 16) == adapters_gib(facts(), 1, 1, 1, 16)
    assert adapters_gib(facts(**LATENT, hiddenSize=None), 1, 1, 1, 16) > 0


@given(
    KINDS,
    st.tuples(st.integers(0, 16), st.integers(0, 16)).map(sorted),
    st.tuples(st.sampled_from([1, 8, 16, 64, 512]), st.sampled_from([1, 8, 16, 64, 512])).map(sorted),
    st.sampled_from([1, 2, 4, 8]),
    st.booleans(),
)
def test_more_adapters_and_a_larger_rank_never_need_less(changes, counts, ranks, tensor, graphs):
    layout = Layout(Parallel(tensor), 8192, graphs=graphs)
    few, many = (
        required_memory(facts(**changes), layout._replace(adapters=count, adapter_rank=rank), 80)
        for count, rank in zip(counts, ranks, strict=True)
    )
    assert few.total <= many.total
    assert (few.weights, few.cache, few.overhead) == (many.weights, many.cache, many.overhead)
    assert (few.adapters > 0) is (counts[0] > 0)


@given(KINDS, st.sampled_from([(1, 1), (2, 1), (4, 2), (8, 1)]))
def test_more_ranks_never_need_more_on_each(changes, degrees):
    assert adapters_gib(facts(**changes), *degrees, 4, 64) <= adapters_gib(facts(**changes), 1, 1, 4, 64)


def test_the_graphs_are_captured_once_more():
    layout = Layout(Parallel(1), 8192, adapters=1, adapter_rank=16)
    plain, graphs = (required_memory(facts(), layout._replace(graphs=one), 80).adapters for one in (False, True))
    assert graphs - plain == pytest.approx(GRAPHS_GIB)


def test_the_words_have_the_adapters_where_there_are_some():
    layout = Layout(Parallel(1), 8192)
    assert "adapters" not in str(required_memory(facts(), layout, 80))
    found = required_memory(facts(), layout._replace(adapters=2, adapter_rank=64), 80)
    assert f", adapters {found.adapters:.1f}, overhead " in str(found)
    assert found.beside_cache == found.weights + found.overhead + found.adapters
