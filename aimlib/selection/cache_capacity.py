"""Computes how many tokens and sequences the KV cache of a replica holds, beside weights, adapters and overhead."""

from typing import NamedTuple

from aimlib.selection.candidates import Case
from aimlib.selection.launch import Launch


class CacheCapacity(NamedTuple):
    """What the KV cache of one replica holds."""

    tokens: int
    """Tokens in total, of sequences of the longest length."""
    sequences: float
    """How many sequences of the longest length are that."""

    def __str__(self) -> str:
        return f"KV cache: {self.tokens} tokens, {self.sequences:.1f} sequences"


def cache_capacity(launch: Launch, memory_gib: float) -> CacheCapacity | None:
    """The KV cache of one replica on devices of `memory_gib`; nothing where not even weights and overhead fit.

    None where the facts are unknown. Windowed layers make short sequences smaller by less than their length, so there
    are fewer tokens of them.
    """
    if launch.required is None:
        return None
    needed = launch.required(memory_gib)
    room = launch.usable(memory_gib) - needed.beside_cache
    sequences = max(room / needed.cache, 0.0) * launch.parallel.data
    return CacheCapacity(int(sequences * launch.max_length), sequences)


def capacity_of(case: Case) -> CacheCapacity | None:
    """The KV cache of a replica of a candidate on the largest devices left to it; None without facts."""
    return cache_capacity(case.launch, case.largest_gib)
