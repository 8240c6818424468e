"""How a model is divided among the GPUs of a replica, and by which degrees it can be.

attention   among `tensor` ranks; each of `data` groups of them has all of it, and a KV cache of its own
experts     among `tensor` ranks, or among all of `tensor` x `data` where the groups share them; whole experts in as
            many parts as `expert` says, and each expert divided among the ranks of a part
layers      among `pipeline` stages
prompts     among `context` ranks, each with all of the attention's weights, and its part of the experts that are shared

Sources: vLLM divides experts among the ranks of all data parallel groups, whole ones with --enable-expert-parallel
(vLLM 0.33, fused_moe/config.py: FusedMoEParallelConfig.make; a remainder goes to the first ranks:
determine_expert_map), and of prefill context parallelism, which is no part of the tensor parallel degree
(config/parallel.py). SGLang's --dp-size are groups that share nothing; with --enable-dp-attention they are within
--tp-size, and share the experts (SGLang 0.5.23, server_args.py and layers/dp_attention.py).
"""

from typing import NamedTuple

from aimlib.api.model_facts import Experts, ModelFacts


class Parallel(NamedTuple):
    """The degrees by which a replica is divided."""

    tensor: int = 1
    """Ranks among which attention is divided."""
    pipeline: int = 1
    data: int = 1
    """Groups of ranks, each with requests of its own."""
    expert: int = 1
    """Parts in which whole experts are; 1 where each expert is divided among all ranks that share them."""
    shares_experts: bool = False
    """Whether the groups of data parallelism divide the experts among them."""
    nodes: int = 1
    """Nodes on which its ranks are, as many on each."""
    context: int = 1
    """Ranks that compute a prompt together, each a part of its tokens (prefill context parallelism)."""

    @property
    def devices(self) -> int:
        return self.tensor * self.pipeline * self.data * self.context

    @property
    def devices_per_node(self) -> int:
        return max(self.devices // self.nodes, 1)

    @property
    def expert_ranks(self) -> int:
        """Ranks that have the experts of a layer together."""
        return self.tensor * self.data * self.context if self.shares_experts else self.tensor

    @property
    def expert_divided(self) -> int:
        """Ranks among which each expert is divided."""
        return max(self.expert_ranks // self.expert, 1)

    def expert_part(self, experts: Experts) -> float:
        """The part of the experts' weights that one rank has; that of the rank with most of them."""
        whole = -(-experts.count // self.expert) / experts.count if self.expert > 1 else 1.0
        return whole / self.expert_divided

    def stage_part(self, layers: int) -> float:
        """The part of the layers that the largest stage has: a remainder is a layer more of some stages each."""
        return -(-layers // self.pipeline) / layers

    def __str__(self) -> str:
        context = f" x prefill context {self.context}" if self.context > 1 else ""
        return f"tensor {self.tensor} x pipeline {self.pipeline} x data {self.data}{context}"


def layout_text(parallel: Parallel, facts: ModelFacts | None) -> str | None:
    """How a replica is divided, such as `TP 1 x DP 8, experts over 8`; None for tensor parallelism alone."""
    if parallel == Parallel(parallel.tensor):
        return None
    degrees = (("TP", parallel.tensor), ("PCP", parallel.context), ("PP", parallel.pipeline), ("DP", parallel.data))
    text = " x ".join(f"{name} {degree}" for name, degree in degrees if degree > 1 or name == "TP")
    text += f" on {parallel.nodes} nodes" if parallel.nodes > 1 else ""
    if facts and not facts.experts:
        return text
    if parallel.expert > 1:
        text += f", experts over {parallel.expert}"
        return text + (f", each divided among {parallel.expert_divided}" if parallel.expert_divided > 1 else "")
    return text + (f", each expert divided among {parallel.expert_ranks}" if parallel.shares_experts else "")


def routed_parameters(parameters: float, active: float, experts: Experts | None) -> float:
    """Parameters of the experts that tokens are routed to, of all layers; `active` are those that each token uses."""
    part = min(experts.active / experts.count, 1.0) if experts else 1.0
    return min((parameters - active) / (1 - part), parameters) if part < 1 else 0.0


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


def unchecked_blocks(facts: ModelFacts, parallel: Parallel, precision: str) -> str:
    """The fact without which nobody knows whether ranks cut quantised blocks of such weights apart; else empty.

    Of weights in 8 bit some have blocks (fp8-block), and a format that is not stated may be one of them.
    """
    ranks = parallel.expert_divided if facts.experts else parallel.tensor
    if precision != IN_BLOCKS or ranks == 1 or facts.quantization not in {None, "fp8-block"}:
        return ""
    size = facts.moe_intermediate_size if facts.experts else facts.moe_intermediate_size or facts.intermediate_size
    needed = (
        ("quantization", facts.quantization or facts.quantization_block),
        ("quantizationBlock", facts.quantization_block),
        ("moeIntermediateSize" if facts.experts else "intermediateSize", size),
    )
    return next((name for name, stated in needed if not stated), "")


IN_BLOCKS = "fp8"
"""The precision of formats that may have one scale for a block of weights."""


def illegal_experts(facts: ModelFacts, parts: int, *, even: bool) -> str:
    """Why whole experts cannot be over so many ranks, each with some, or with `even` as many as the others."""
    if parts == 1:
        return ""
    if facts.experts is None:
        return "no experts"
    count = facts.experts.count
    if count < parts:
        return f"{count} experts"
    return f"{count} experts, which {parts} does not divide" if even and count % parts else ""
