"""Computes the memory that a checkpoint needs on each GPU.

weights/GPU  = safetensors x 1.02 / (TP x PP)
KV per token = 2 x layers x kv_heads x head_dim x bytes / min(TP, kv_heads), or with latent attention
               layers x (kv_lora_rank + qk_rope_head_dim) x bytes, which every rank of TP holds in full; both / PP
overhead/GPU = 2.3 GiB + 5 % of the weights of that GPU
fits when weights + KV of one sequence of the longest length + overhead <= memory x the engine's fraction

Sources: the attention shapes follow from the models' config.json; 1.02, 2.3 GiB and 5 % are what KAITO's node estimator
measured with vLLM 0.10 (kaito-project/kaito, website/docs/memory-estimator.md); that one sequence of the longest length
must fit is vLLM's own check at start. A sliding-window layer keeps its window only.
"""

from typing import NamedTuple

from aimlib.api.model_facts import ModelFacts
from aimlib.kube.quantity import GIB

WEIGHTS_FACTOR = 1.02
OVERHEAD_GIB = 2.3
OVERHEAD_FRACTION = 0.05


class Parallel(NamedTuple):
    """The tensor, pipeline and data parallel degrees of a replica."""

    tensor: int = 1
    pipeline: int = 1
    data: int = 1

    @property
    def devices(self) -> int:
        return self.tensor * self.pipeline * self.data

    def __str__(self) -> str:
        return f"tensor {self.tensor} x pipeline {self.pipeline} x data {self.data}"


class RequiredMemory(NamedTuple):
    """Required memory per device, in GiB."""

    weights: float
    cache: float
    overhead: float

    @property
    def total(self) -> float:
        return self.weights + self.cache + self.overhead

    def __str__(self) -> str:
        return (
            f"{self.total:.1f} GiB per device "
            f"(weights {self.weights:.1f}, KV cache {self.cache:.1f}, overhead {self.overhead:.1f})"
        )


def cache_bytes_per_token(facts: ModelFacts, tensor: int, element_bytes: float) -> float:
    """Bytes of KV cache per token, layer and rank."""
    if latent := facts.latent_attention:
        return (latent.kv_lora_rank + latent.qk_rope_head_dim) * element_bytes
    heads, width = facts.key_value_heads or 0, facts.head_dim or 0
    return 2 * heads * width * element_bytes / min(tensor, heads)


def required_memory(facts: ModelFacts, parallel: Parallel, tokens: int, element_bytes: float) -> RequiredMemory:
    """Memory per device for one sequence of `tokens`, with `element_bytes` per value in the KV cache."""
    weights = facts.weights_gib * WEIGHTS_FACTOR / (parallel.tensor * parallel.pipeline)
    window = facts.sliding_window
    windowed = window.layers * min(window.tokens, tokens) if window else 0
    full = (facts.layers - (window.layers if window else 0)) * tokens
    cache = (windowed + full) * cache_bytes_per_token(facts, parallel.tensor, element_bytes) / parallel.pipeline / GIB
    return RequiredMemory(weights, cache, OVERHEAD_GIB + OVERHEAD_FRACTION * weights)


def illegal_degree(facts: ModelFacts, tensor: int, experts: int | None = None) -> str:
    """Why the model cannot be divided among `tensor` ranks, and each expert among as many or `experts`; else empty."""
    if facts.attention_heads % tensor:
        return f"{facts.attention_heads} attention heads, which {tensor} does not divide"
    heads = facts.key_value_heads
    if heads and heads % tensor and tensor % heads:
        return f"{heads} key-value heads, neither a multiple nor a divisor of {tensor}"
    block = facts.quantization_block or 1
    for name, size, degree in (
        ("an intermediate size", facts.intermediate_size, tensor),
        ("experts", facts.moe_intermediate_size, experts or tensor),
    ):
        if size and size % (degree * block):
            part = f"{size / degree:g} for each of {degree} ranks is no multiple of the quantised block of {block}"
            return f"{name} of {size}, of which {part}"
    return ""
