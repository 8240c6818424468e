"""The KV cache of one sequence, by kinds of attention."""

import pytest

from aimlib.api.model_facts import ModelFacts
from aimlib.selection.kv_cache import cache_bytes_per_token, kept_tokens, sequence_bytes

FULL = {"weightsGiB": 1, "layers": 12, "attentionHeads": 8, "keyValueHeads": 4, "headDim": 64, "maxContext": 2**20}


def facts(**more) -> ModelFacts:
    return ModelFacts.model_validate({**FULL, **more})


@pytest.mark.parametrize(
    ("more", "in_flight", "kept"),
    [
        ({}, 100, 12 * 10000),
        ({}, None, 12 * 10000),
        ({"slidingWindow": {"layers": 12, "tokens": 501}}, 100, 12 * 600),
        ({"slidingWindow": {"layers": 12, "tokens": 501}}, None, 12 * 10000),
        ({"slidingWindow": {"layers": 6, "tokens": 501}}, 100, 6 * 10000 + 6 * 600),
        ({"slidingWindow": {"layers": 8, "tokens": 501}}, 100, 4 * 10000 + 8 * 600),
        ({"slidingWindow": {"layers": 9, "tokens": 501}}, 100, 3 * 10000 + 9 * 600),
        # Three groups of seven would be padded to two layers more; one of seven beside five is.
        ({"slidingWindow": {"layers": 7, "tokens": 501}}, 100, 7 * 10000 + 7 * 600),
        ({"layers": 10, "slidingWindow": {"layers": 7, "tokens": 501}}, 100, 3 * 10000 + 9 * 600),
        ({"slidingWindow": {"layers": 6, "tokens": 501}}, 10**6, 12 * 10000),
        ({"chunkedAttention": {"layers": 9, "tokens": 500}}, 100, 3 * 10000 + 9 * 600),
    ],
    ids=str,
)
def test_a_layer_keeps_every_token_its_window_or_its_chunk_in_groups_of_equal_size(more, in_flight, kept):
    assert kept_tokens(facts(**more), 10000, in_flight) == kept


def test_a_rank_has_its_share_of_the_heads_and_at_least_one():
    assert [cache_bytes_per_token(facts(), tensor, 2) for tensor in (1, 2, 4, 8)] == [1024, 512, 256, 256]


def test_the_state_of_linear_attention_is_added_once():
    linear = facts(linearAttention={"layers": 36, "stateKiB": 512})
    assert sequence_bytes(linear, 1, 2, 100) - sequence_bytes(facts(), 1, 2, 100) == 36 * 512 * 1024
    assert sequence_bytes(linear, 4, 2, 9) - sequence_bytes(facts(), 4, 2, 9) == 36 * 512 * 1024 / 4
