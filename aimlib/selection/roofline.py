"""Predicts the speed of a configuration on a product, from what each step reads, computes and exchanges.

batch     = min(requests at once, tokens of KV cache / (input + output)), divided among the streams
read      = (dense + (P - dense) x (1 - (1 - k/E)^batch)) x bytes / TP + batch x KV of the context
            where groups of data parallelism share experts: (P - dense) x (1 - (1 - k/E)^(batch x DP)) x the rank's part
step      = max(read / (0.6 x bandwidth), 2 x A x batch / (TP x 0.35 x peak)) + 2 x layers x all-reduce(batch) + 3 ms
prefill   = 2 x A x tokens / (TP x 0.35 x peak) + 2 x layers x all-reduce(tokens)
drafting  = step of batch x (1 + drafted) rows, + drafted steps of one layer or of the second model that drafts,
            / (1 + accepted) per token
all-reduce(n) = 15 us + 4 x n x hidden x (TP - 1) / TP / (0.5 x link); nothing where TP is 1. The second of a layer is
            of n x DP rows among TP x DP ranks where these share experts. Between nodes 60 us, and the network's speed

P parameters, A active ones, E experts of which k are active, TP the tensor parallel degree. A stream is one group of
ranks of data parallelism, or one stage's worth of pipeline parallelism: each has its share of the requests at once.

The constants were not tuned to any engine: they are the usual fractions of a peak that kernels reach. The order of
configurations is right more often than the figures are, which published measurements correct (`corrections.py`);
docs/reference/speed.md has what this formula gets wrong.
"""

from typing import NamedTuple

from aimlib.api.draft import RecipeDraft
from aimlib.api.model_facts import Drafting, ModelFacts
from aimlib.hardware.products import Product
from aimlib.kube.quantity import GIB
from aimlib.selection.kv_cache import cache_bytes_per_token
from aimlib.selection.parallel import Parallel, routed_parameters

BANDWIDTH_FRACTION = 0.6
"""Part of a device's memory bandwidth that decoding reaches."""
PEAK_FRACTION = 0.35
"""Part of a device's peak that matrix products of a whole model reach."""
REACHED_FRACTION = 0.5
"""Part of what a large matrix product was measured to reach that those of a whole model reach."""
LINK_FRACTION = 0.5
"""Part of a link's bandwidth that an all-reduce reaches."""
ALL_REDUCE_SECONDS = 15e-6
"""Duration of an all-reduce of nothing."""
STEP_SECONDS = 3e-3
"""What an engine spends on a step besides: scheduling, sampling, starting kernels."""
PCIE_GBS = 32.0
"""GB/s per direction of a PCIe 4.0 slot of 16 lanes, for products whose link is not published."""
DRAFTING_BATCH = 64
"""Sequences at once from which drafts gain nothing here. A guide of vLLM 0.33 (Qwen3.5-397B-A17B.yaml of its recipes)
advises them for few requests, since they cost throughput under load, and has no number: this one is chosen."""
NETWORK_GBS = 50.0
"""GB/s between nodes for each GPU: a port of 400 Gb/s, as DGX H100 (its user guide: eight ConnectX-7) and servers with
eight MI300X have, reached by RDMA. Without RDMA it is a tenth, and what spans nodes is slower than predicted."""
NETWORK_SECONDS = 60e-6
"""Duration of an all-reduce of nothing between nodes: some passes through the network. Chosen, not measured."""
BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.5, "fp4": 0.5}
"""Bytes per parameter by precision, where the number of parameters is not published."""


class Workload(NamedTuple):
    """What is asked of a configuration."""

    input_tokens: int
    """Tokens of a prompt."""
    output_tokens: int
    """Tokens of an answer."""
    concurrency: int
    """Requests at once."""

    def __str__(self) -> str:
        return f"{self.input_tokens} tokens in, {self.output_tokens} out, {self.concurrency} at once"


class Speed(NamedTuple):
    """How fast a configuration is under a workload; times are means, in seconds."""

    first_token: float
    """Time to first token, of requests that come at once; what waits for room in the KV cache has it included."""
    per_token: float
    """Time per output token."""
    throughput: float
    """Output tokens per second, of all requests together."""


class _Shape(NamedTuple):
    """What of a model its speed depends on."""

    active: float
    """Parameters that each token uses."""
    dense: float
    """Parameters that every step reads."""
    routed: float
    """Parameters of all experts."""
    spared: float
    """The part of the experts that one token does not use."""
    bytes: float
    """Bytes per parameter."""
    layers: int
    hidden: int


def _shape(facts: ModelFacts, precision: str) -> _Shape:
    weights = facts.weights_gib * GIB
    parameters = (facts.parameters_billions or 0.0) * 1e9 or weights / BYTES.get(precision, 2.0)
    active = min((facts.active_parameters_billions or 0.0) * 1e9 or parameters, parameters)
    experts = facts.experts
    part = min(experts.active / experts.count, 1.0) if experts else 1.0
    routed = routed_parameters(parameters, active, experts)
    layers = facts.layers + (facts.linear_attention.layers if facts.linear_attention else 0)
    hidden = facts.hidden_size or facts.attention_heads * (facts.head_dim or 128)
    return _Shape(active, parameters - routed, routed, 1 - part, weights / max(parameters, 1.0), layers, hidden)


def _context_bytes(facts: ModelFacts, tensor: int, element_bytes: float, tokens: float) -> float:
    """Bytes of KV cache that a step reads on each rank for one sequence of so many tokens."""
    limited = [kind for kind in (facts.sliding_window, facts.chunked_attention) if kind]
    read = sum(kind.layers * min(kind.tokens, tokens) for kind in limited)
    read += max(facts.layers - sum(kind.layers for kind in limited), 0) * tokens
    return read * cache_bytes_per_token(facts, tensor, element_bytes)


def _accepted(known: Drafting | None, drafted: int, batch: float) -> float:
    """How many of the drafted tokens count, in the mean; 0 where that is not published, and under load.

    Of fewer than were measured it is the same part: more, in fact, since the first are accepted most often.
    """
    return known.accepted * min(drafted / known.tokens, 1.0) if known and batch < DRAFTING_BATCH else 0.0


def matrix_flops(hardware: Product, precision: str) -> float | None:
    """FLOP/s that one device reaches in a model's matrix products: in 16 bit where it only stores the precision."""
    formats = (precision, "bf16", "fp16") if precision in hardware.precisions else ("bf16", "fp16")
    for known, part in ((hardware.reached_tflops, REACHED_FRACTION), (hardware.tflops, PEAK_FRACTION)):
        found = next((known[one] for one in formats if one in known), None)
        if found:
            return found * 1e12 * part
    return None


class Placed(NamedTuple):
    """A model on devices."""

    hardware: Product
    precision: str
    parallel: Parallel
    element_bytes: float
    """Size of a value in the KV cache."""
    cache_tokens: int
    """Tokens of KV cache that one replica has room for."""
    share: float = 1.0
    """The part of a whole GPU's memory and bandwidth that each rank has, below 1 for partitions."""
    compute_share: float = 1.0
    """The part of a whole GPU's compute that each rank has."""
    drafted: int = 0
    """Tokens that are drafted in each step."""
    draft: RecipeDraft | None = None
    """The second model that drafts them; None where layers of the checkpoint do."""


def predict(facts: ModelFacts, placed: Placed, workload: Workload) -> Speed | None:
    """The speed of one replica under a workload; None where the product's bandwidth or peak is not published."""
    hardware, parallel = placed.hardware, placed.parallel
    compute, bandwidth = matrix_flops(hardware, placed.precision), hardware.bandwidth_tbs
    if compute is None or bandwidth is None:
        return None
    shape, tensor = _shape(facts, placed.precision), parallel.tensor
    streams = parallel.data * parallel.pipeline
    tokens = workload.input_tokens + workload.output_tokens
    served = max(min(float(workload.concurrency), placed.cache_tokens / tokens), 1.0)
    batch = max(served / streams, 1.0)
    reads, computes = bandwidth * 1e12 * BANDWIDTH_FRACTION * placed.share, compute * tensor * placed.compute_share
    link = (hardware.link_gbs or PCIE_GBS) * 1e9 * LINK_FRACTION
    groups = parallel.data if parallel.shares_experts else 1
    part = parallel.expert_part(facts.experts) if facts.experts else 1 / tensor

    def all_reduce(rows: float, ranks: int) -> float:
        within = ranks <= parallel.devices_per_node
        speed = link if within else min(link, NETWORK_GBS * 1e9 * LINK_FRACTION)
        started = ALL_REDUCE_SECONDS if within else NETWORK_SECONDS
        return started + 4 * rows * shape.hidden * (ranks - 1) / ranks / speed if ranks > 1 else 0.0

    def all_reduces(rows: float) -> float:
        return shape.layers * (all_reduce(rows, tensor) + all_reduce(rows * groups, tensor * groups))

    def prefill(rows: float) -> float:
        return 2 * shape.active * rows / computes + all_reduces(rows)

    def layers(rows: float) -> float:
        used = 1 - shape.spared ** (rows * groups)
        parameters: float = (shape.dense / tensor + shape.routed * used * part) * shape.bytes
        return max(parameters / reads, 2 * shape.active * rows / computes) + all_reduces(rows)

    context = workload.input_tokens + workload.output_tokens / 2
    attention = batch * _context_bytes(facts, tensor, placed.element_bytes, context) / reads
    draft = placed.draft
    if draft:
        drafting, loaded = draft.acceptance, _shape(draft.facts, "bf16")
        weights = max(loaded.dense * loaded.bytes / tensor / reads, 2 * loaded.active * batch / computes)
        read = batch * _context_bytes(draft.facts, tensor, placed.element_bytes, context) / reads
        one_draft = weights + read + all_reduces(batch) * loaded.layers / shape.layers
    else:
        drafting, one_draft = facts.drafting, (layers(batch) + attention) / shape.layers
    drafts = placed.drafted * one_draft
    whole = layers(batch * (1 + placed.drafted)) + attention + drafts + STEP_SECONDS
    step = whole / (1 + _accepted(drafting, placed.drafted, batch))
    prompts = prefill(workload.input_tokens * batch)
    duration = workload.output_tokens * step + prompts
    waiting = duration * max(workload.concurrency / served - 1, 0.0)
    first = waiting + prompts * (1 + 1 / batch) / 2 + step
    return Speed(first, step, served * workload.output_tokens / duration)
