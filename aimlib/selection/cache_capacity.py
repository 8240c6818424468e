"""Computes how many tokens and sequences the KV cache of a replica holds, beside weights and overhead."""

from typing import NamedTuple

from aimlib.api.model_facts import ModelFacts
from aimlib.selection.candidates import Case, seen_gib
from aimlib.selection.gpu_memory import RequiredMemory, required_memory
from aimlib.selection.launch import Launch


class CacheCapacity(NamedTuple):
    """What the KV cache of one replica holds."""

    tokens: int
    """Tokens in total, of sequences of the longest length."""
    sequences: float
    """How many sequences of the longest length are that."""

    def __str__(self) -> str:
        return f"KV cache: {self.tokens} tokens, {self.sequences:.1f} sequences"


def cache_capacity(facts: ModelFacts, launch: Launch, memory_gib: float) -> CacheCapacity:
    """The KV cache of one replica on devices of `memory_gib`; nothing where not even weights and overhead fit.

    Windowed layers make short sequences smaller by less than their length, so there are fewer tokens of them.
    """
    return left_for_cache(required_memory(facts, launch.layout, memory_gib), launch, memory_gib)


def left_for_cache(needed: RequiredMemory, launch: Launch, memory_gib: float) -> CacheCapacity:
    """What `needed`, with the KV cache of one sequence, leaves on devices of `memory_gib`."""
    room = launch.usable(memory_gib) - needed.weights - needed.overhead
    sequences = max(room / needed.cache, 0.0) * launch.parallel.data
    return CacheCapacity(int(sequences * launch.max_length), sequences)


def cache_tokens(facts: ModelFacts, launch: Launch, memory_gib: float) -> int:
    """Tokens of KV cache of one replica on devices of `memory_gib`; 0 when there is none."""
    return cache_capacity(facts, launch, memory_gib).tokens


def capacity_of(case: Case) -> CacheCapacity | None:
    """The KV cache of a replica of a candidate on the largest devices left to it; None without facts."""
    largest = max(map(seen_gib, case.classes))
    return cache_capacity(case.recipe.facts, case.launch, largest) if case.recipe.facts else None
