"""Computes the KV cache that one sequence takes on each rank, by kinds of attention.

A layer of full attention keeps every token. A layer with a sliding window keeps the window less one token, and one of
chunked attention its chunk; both also keep the tokens in flight, since what a step drops is freed after the next one
has begun. vLLM divides layers into groups of one kind and of equal size, and pads the last group of a kind: each group
takes as much as if it was full.

Source: vLLM 0.33, v1/kv_cache_interface.py (SlidingWindowSpec, ChunkedLocalAttentionSpec) and v1/core/kv_cache_utils.py
(groups of one page size). A block has 16 tokens; what rounding to blocks adds is below a hundredth and left out.
"""

from typing import NamedTuple

from aimlib.api.model_facts import ModelFacts

PADDED_UP_TO = 1.5
"""Where the more frequent kind of layer is less than this many times as frequent, the rarer one is padded to it."""


INDEX_SCALE_BYTES = 4
"""The scale of an indexer's key, which is kept in 8 bit whatever the KV cache is (vLLM 0.33, deepseek_v2.py)."""


class Kind(NamedTuple):
    """The layers of one kind of attention, and how many tokens of a sequence each of them keeps."""

    layers: int
    tokens: int


def cache_bytes_per_token(facts: ModelFacts, tensor: int, element_bytes: float) -> float:
    """Bytes of KV cache per token, layer and rank; with latent attention every rank keeps all of it."""
    if latent := facts.latent_attention:
        index = latent.index_head_dim + INDEX_SCALE_BYTES if latent.index_head_dim else 0
        return (latent.kv_lora_rank + latent.qk_rope_head_dim) * element_bytes + index
    heads, width = facts.key_value_heads or 0, facts.head_dim or 0
    return 2 * heads * width * element_bytes / min(tensor, heads)


def _kinds(facts: ModelFacts, tokens: int, in_flight: int) -> list[Kind]:
    window, chunk = facts.sliding_window, facts.chunked_attention
    bounded = [
        *([Kind(window.layers, min(window.tokens - 1 + in_flight, tokens))] if window else []),
        *([Kind(chunk.layers, min(chunk.tokens + in_flight, tokens))] if chunk else []),
    ]
    full = facts.layers - sum(kind.layers for kind in bounded)
    return [kind for kind in (Kind(full, tokens), *bounded) if kind.layers > 0]


def kept_tokens(facts: ModelFacts, tokens: int, in_flight: int | None) -> int:
    """Tokens that all layers together keep of one sequence; every layer keeps all where `in_flight` is None."""
    if in_flight is None or (facts.sliding_window is None and facts.chunked_attention is None):
        return facts.layers * tokens
    kinds = _kinds(facts, tokens, in_flight)
    sizes = [kind.layers for kind in kinds]
    group = max(sizes) if max(sizes) < PADDED_UP_TO * min(sizes) else min(sizes)
    return sum(-(-kind.layers // group) * group * kind.tokens for kind in kinds)


def sequence_bytes(
    facts: ModelFacts, tensor: int, element_bytes: float, tokens: int, in_flight: int | None = None
) -> float:
    """Bytes that one sequence takes on a rank, the state of linear attention included."""
    linear = facts.linear_attention
    state = linear.layers * linear.state_kib * 1024 / tensor if linear else 0.0
    return kept_tokens(facts, tokens, in_flight) * cache_bytes_per_token(facts, tensor, element_bytes) + state
