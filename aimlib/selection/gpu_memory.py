"""Computes the memory that a checkpoint needs on each GPU.

weights/GPU  = safetensors x 1.00 (1.06 MXFP4, 1.05 Llama-4) / TP x stage; tied embeddings once; those of a second model
               that drafts / TP; of experts that are divided otherwise, their part x stage (parallel.py)
stage        = layers of the largest stage of pipeline parallelism / all layers
KV cache/GPU = one sequence of the longest length (kv_cache.py) x stage; a layer more where the checkpoint's own layers
               draft tokens, and the second model's where that does
adapters/GPU = what is reserved for LoRA adapters (adapter_memory.py), and their graphs
overhead/GPU = 2.4 GiB on one GPU and 4.2 GiB on several, + 1.2 GiB for inputs that are not text, + 1.04 GiB for graphs,
               + activations of more tokens at a time than usual, + tokens of other groups that share the experts
fits when weights + KV cache + adapters + overhead <= memory x the engine's fraction

Sources: the constants are means of published start-up logs of vLLM 0.18 and 0.19 on H100, which tests/testdata/
memory_logs.yaml lists; those do not count graphs, which vLLM does since 0.21: 0.5 to 1.85 GiB. That one sequence of the
longest length must fit is vLLM's own check at start.

SGLang is assumed to need the same, although it keeps activations and graphs beside its fraction: nothing comparable is
published, so its KV cache is larger than computed rather than smaller. Its graphs are not counted, and windowed layers
are counted in full (it reserves 0.8 of the full length for them, swa_full_tokens_ratio).
"""

from collections.abc import Callable
from typing import NamedTuple

from aimlib.api.model_facts import ModelFacts
from aimlib.kube.quantity import GIB
from aimlib.selection.adapter_memory import adapters_gib
from aimlib.selection.kv_cache import sequence_bytes
from aimlib.selection.parallel import Parallel, routed_parameters

OVERHEAD_GIB = 2.4
"""Context, warm-up of the sampler and activations on one rank; logs have 2.13 to 2.48."""
COLLECTIVES_GIB = 1.8
"""More on each of several ranks: buffers of collectives; logs have 3.96 to 4.38 in all."""
MULTIMODAL_GIB = 1.2
"""More for the encoder's activations; logs have 5.36 in all of Llama-4 on four ranks, 4.24 of Gemma 3 on one."""
TEXT_ALONE = ((), ("text",))
"""Modalities of models without such an encoder."""
GRAPHS_GIB = 1.04
"""Captured graphs: the mean; they are between 0.5 and 1.85."""
ACTIVATIONS_GIB = 2.0
"""Activations that the overhead has: what the warm-up of the sampler takes and frees again."""
HIDDEN_COPIES = 3.0
"""Copies of the hidden state of each token while a layer computes: residual, input, output. By shape, not measured."""
MLP_COPIES = 10.5
"""The width of gate, up and their product, in hidden sizes: three of 3.5; tensor parallelism divides it."""
GATHERED_COPIES = 2
"""Copies of the hidden state of other groups' tokens where groups share experts: what these get, and what they make. By
shape, not measured."""
LOADED_FACTOR: tuple[tuple[Callable[[ModelFacts], bool], float], ...] = (
    (lambda facts: facts.quantization == "mxfp4", 1.06),
    (lambda facts: (facts.architecture or "").startswith("Llama4"), 1.05),
)
"""Loaded size by size of the files, where they differ: kernels repack and pad those weights."""
BATCHED_TOKENS = ((160, 16384), (70, 8192), (0, 2048))
"""vLLM's --max-num-batched-tokens by GiB of the device, from this size on (engine/arg_utils.py). An A100 of 80 GiB has
2048, for which more is assumed."""
CONCURRENT_BATCHES = 2
"""Batches in flight with vLLM's asynchronous scheduling, which is its default."""
BF16_BYTES = 2.0
DRAFTING_LAYERS = 1
"""Layers of attention that draft, each with its KV cache: several tokens are drafted by running it again (vLLM 0.33,
v1/spec_decode/eagle.py)."""


class Layout(NamedTuple):
    """What of an engine's start its memory depends on."""

    parallel: Parallel = Parallel()
    tokens: int = 0
    """Context length."""
    element_bytes: float = BF16_BYTES
    """Bytes per value in the KV cache."""
    batched_tokens: int | None = None
    """Tokens that one step computes, if stated."""
    graphs: bool = False
    """Whether graphs are captured within the engine's fraction."""
    windows: bool = True
    """Whether layers that attend to the last tokens only keep no more."""
    drafted: int = 0
    """Tokens that are drafted in each step."""
    draft: ModelFacts | None = None
    """Facts of the second model that drafts them; None where the checkpoint's own layers do."""
    adapters: int = 0
    """LoRA adapters that may run in one batch."""
    adapter_rank: int = 0
    """The largest rank of one."""

    def batched(self, memory_gib: float) -> int:
        """Tokens that one step computes on a device of that size."""
        usual = next(tokens for size, tokens in BATCHED_TOKENS if memory_gib >= size)
        stated = self.batched_tokens or 0
        return stated if stated > 0 else usual


class RequiredMemory(NamedTuple):
    """Required memory per device, in GiB."""

    weights: float
    cache: float
    overhead: float
    adapters: float = 0.0

    @property
    def total(self) -> float:
        return self.weights + self.cache + self.overhead + self.adapters

    @property
    def beside_cache(self) -> float:
        """What the KV cache leaves no room for."""
        return self.weights + self.overhead + self.adapters

    def __str__(self) -> str:
        adapters = f", adapters {self.adapters:.1f}" if self.adapters else ""
        return (
            f"{self.total:.1f} GiB per device "
            f"(weights {self.weights:.1f}, KV cache {self.cache:.1f}{adapters}, overhead {self.overhead:.1f})"
        )


def loaded_gib(facts: ModelFacts) -> float:
    """GiB of all weights once loaded; files may have tied embeddings twice."""
    size = facts.weights_gib
    if facts.tied_embeddings and facts.parameters_billions and not facts.quantization:
        size = min(size, facts.parameters_billions * 1e9 * BF16_BYTES / GIB)
    return size * next((factor for applies, factor in LOADED_FACTOR if applies(facts)), 1.0)


def routed_gib(facts: ModelFacts) -> float:
    """GiB of the experts that tokens are routed to, once loaded: at least as much; 0 where their size is unknown.

    What is not an expert has as many bytes per parameter as the whole, but where that is less than one it has 16 bit:
    MXFP4, NVFP4 and int4 as in Kimi-K2-Thinking are formats of experts alone.
    """
    parameters, active = facts.parameters_billions, facts.active_parameters_billions
    if not parameters or active is None:
        return 0.0
    loaded = loaded_gib(facts)
    mean = loaded * GIB / (parameters * 1e9)
    others = parameters - routed_parameters(parameters, min(active, parameters), facts.experts)
    return max(loaded - others * 1e9 * (mean if mean >= 1 else BF16_BYTES) / GIB, 0.0)


def weights_gib(facts: ModelFacts, parallel: Parallel) -> float:
    """GiB of weights on the device that has most of them."""
    loaded = loaded_gib(facts)
    stage = parallel.stage_part(facts.layers)
    even = loaded * stage / parallel.tensor
    experts = facts.experts
    if experts is None or parallel.expert_part(experts) * parallel.tensor == 1:
        return even
    routed = routed_gib(facts)
    return ((loaded - routed) / parallel.tensor + routed * parallel.expert_part(experts)) * stage


def activations_gib(facts: ModelFacts, tensor: int, batched_tokens: int) -> float:
    """GiB of activations of one step; an expert's output is as wide as the hidden state. 0 where that is unknown."""
    active = facts.experts.active if facts.experts else 0
    copies = HIDDEN_COPIES + active + MLP_COPIES / tensor
    return batched_tokens * (facts.hidden_size or 0) * BF16_BYTES * copies / GIB


def overhead_gib(facts: ModelFacts, layout: Layout, memory_gib: float) -> float:
    """GiB on each device beside weights and KV cache."""
    parallel = layout.parallel
    batched = layout.batched(memory_gib)
    gathered = GATHERED_COPIES * batched * (parallel.data - 1) * (facts.hidden_size or 0) * BF16_BYTES / GIB
    more = activations_gib(facts, parallel.tensor, batched) - ACTIVATIONS_GIB
    parts = (
        (OVERHEAD_GIB, True),
        (COLLECTIVES_GIB, parallel.expert_ranks * parallel.pipeline > 1),
        (gathered, parallel.shares_experts),
        (MULTIMODAL_GIB, facts.modalities not in TEXT_ALONE),
        (GRAPHS_GIB, layout.graphs),
        (more, more > 0),
    )
    return sum([size for size, applies in parts if applies])


def sequence_gib(facts: ModelFacts, layout: Layout, memory_gib: float) -> float:
    """GiB of KV cache that one sequence of the longest length takes on each device."""
    parallel = layout.parallel
    if layout.drafted and layout.draft is None:
        facts = facts.model_copy(update={"layers": facts.layers + DRAFTING_LAYERS})
    in_flight = layout.batched(memory_gib) * max(CONCURRENT_BATCHES, parallel.pipeline) if layout.windows else None
    size = sequence_bytes(facts, parallel.tensor, layout.element_bytes, layout.tokens, in_flight)
    # Each rank of tensor parallelism has its part of the second model, as of the first (vLLM 0.33, speculative.py).
    drafts = sequence_bytes(layout.draft, parallel.tensor, layout.element_bytes, layout.tokens) if layout.draft else 0.0
    return (size * parallel.stage_part(facts.layers) + drafts) / GIB


def required_memory(facts: ModelFacts, layout: Layout, memory_gib: float) -> RequiredMemory:
    """Memory per device of `memory_gib`, for one sequence of the longest length."""
    weights = weights_gib(facts, layout.parallel)
    weights += loaded_gib(layout.draft) / layout.parallel.tensor if layout.draft else 0.0
    cache, overhead = sequence_gib(facts, layout, memory_gib), overhead_gib(facts, layout, memory_gib)
    return RequiredMemory(weights, cache, overhead, _adapters_gib(facts, layout))


def _adapters_gib(facts: ModelFacts, layout: Layout) -> float:
    """GiB of all adapters on each device; with one, every graph is captured a second time."""
    if not layout.adapters:
        return 0.0
    graphs = GRAPHS_GIB if layout.graphs else 0.0
    parallel = layout.parallel
    return graphs + adapters_gib(facts, parallel.tensor, parallel.pipeline, layout.adapters, layout.adapter_rank)
