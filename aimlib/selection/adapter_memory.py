"""Computes the memory that LoRA adapters take on each GPU.

vLLM reserves it at start, for as many adapters as may run in one batch, each of the largest rank. A matrix of `out`
rows and `in` columns gets two: A of rank x in, and B of out x rank, in the type of the model. Tensor parallelism
divides the side of a matrix that it divides, and no other.

adapters/GPU = adapters x rank x (layers / PP x sides of a layer + sides of the output layer) x 2 bytes
               + the graphs, which are captured a second time

Sources: vLLM 0.33, lora/layers/base_linear.py and column_parallel_linear.py (create_lora_weights, n_slices),
fused_moe.py (each of the experts has its own), logits_processor.py (the largest vocabulary), and config/compilation.py
(cudagraph_specialize_lora). Where facts are unknown, what they can be at most is assumed: the MLP is as wide as all
parameters together would make it.
"""

from aimlib.api.model_facts import ModelFacts
from aimlib.kube.quantity import GIB

ELEMENT_BYTES = 2
LARGEST_VOCABULARY = 258_048
"""Tokens; models with more take no adapters."""
WIDE_MLP = 3.5
"""The width of an MLP in hidden sizes, where not even the number of parameters is known."""
LATENT_HEAD = 640
"""Widths of one head in the projections of latent attention together: 192 of queries, 256 of keys and values, 128 of
the output (DeepSeek-V3), and some more."""
LATENT_QUERY = 1536
"""Width of its compressed query (q_lora_rank of DeepSeek-V3)."""


def adapters_gib(facts: ModelFacts, tensor: int, pipeline: int, count: int, rank: int) -> float:
    """GiB on each device for `count` adapters of at most `rank`; 0 for none."""
    hidden = _hidden(facts)
    layers = facts.layers + (facts.linear_attention.layers if facts.linear_attention else 0)
    each = _attention(facts, hidden, tensor) + _mlp(facts, layers, hidden, tensor)
    sides = layers / pipeline * each + hidden + LARGEST_VOCABULARY
    return count * rank * sides * ELEMENT_BYTES / GIB


def _hidden(facts: ModelFacts) -> int:
    return facts.hidden_size or facts.attention_heads * (facts.head_dim or 128)


def _attention(facts: ModelFacts, hidden: int, tensor: int) -> float:
    """Sides of the projections of queries, keys, values and output: of three hidden sides, and of one."""
    heads = facts.attention_heads
    if latent := facts.latent_attention:
        compressed = LATENT_QUERY + latent.kv_lora_rank + latent.qk_rope_head_dim
        return 3 * hidden + 2 * compressed + heads * LATENT_HEAD / tensor
    width, pairs = facts.head_dim or hidden // heads, facts.key_value_heads or heads
    return 4 * hidden + 2 * heads * width / tensor + 2 * pairs * width / min(tensor, pairs)


def _mlp(facts: ModelFacts, layers: int, hidden: int, tensor: int) -> float:
    """Sides of gate, up and down: of each expert, where there are some, and of one dense MLP."""
    experts = facts.experts.count if facts.experts else 0
    known = facts.moe_intermediate_size if experts else facts.intermediate_size
    parameters = (facts.parameters_billions or 0) * 1e9
    most = parameters / (layers * 3 * hidden * max(experts, 1)) if parameters else WIDE_MLP * hidden
    return (3 * hidden + 3 * (known or most) / tensor) * (experts + 1)
