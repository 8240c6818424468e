"""Facts of a checkpoint: what its config.json and the sizes of its files tell of memory and speed."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from aimlib.api.base import FieldRule, Model, Text

MAX_WEIGHTS_GIB = 2**20
"""A PiB, which is a thousand times the largest model."""


class LatentAttention(Model):
    """Multi-head latent attention: one compressed KV cache entry per token, replicated on every rank."""

    kv_lora_rank: Annotated[int, Field(ge=1)]
    """kv_lora_rank of the model's config.json."""
    qk_rope_head_dim: Annotated[int, Field(ge=1)]
    """qk_rope_head_dim of the model's config.json."""
    index_head_dim: Annotated[int, Field(ge=1)] | None = None
    """index_head_dim, of models with sparse attention: every layer keeps a key of this width beside the entry."""


class SlidingWindow(Model):
    """Layers that attend to the last tokens only."""

    layers: Annotated[int, Field(ge=1)]
    """Number of such layers."""
    tokens: Annotated[int, Field(ge=1)]
    """Number of tokens that each of them attends to."""


class Experts(Model):
    """The experts of a mixture-of-experts model, per layer."""

    count: Annotated[int, Field(ge=1, le=4096)]
    """Number of routed experts of a layer."""
    active: Annotated[int, Field(ge=1, le=4096)]
    """Number of routed experts that each token uses."""


class LinearAttention(Model):
    """Layers that keep a state of constant size for each sequence instead of a KV cache."""

    layers: Annotated[int, Field(ge=1, le=1024)]
    """Number of such layers, which facts.layers does not count."""
    state_kib: Annotated[float, Field(ge=0, le=2**30, alias="stateKiB")]
    """Size of the state of one layer and sequence, in KiB."""


class Drafting(Model):
    """What layers of multi-token prediction in a checkpoint draft, and how much of it the model accepts."""

    tokens: Annotated[int, Field(ge=1, le=32)]
    """Tokens that are drafted in each step."""
    accepted: Annotated[float, Field(ge=0, le=32)]
    """How many of them are accepted, in the mean: the published acceptance length less one."""
    source: Annotated[str, Field(min_length=1, max_length=512)]
    """Who measured that, and where it is published."""


Modality = Literal["text", "image", "audio", "video"]
"""A kind of input that a model takes."""
Quantization = Literal["fp8", "fp8-block", "mxfp4", "nvfp4", "int8", "awq", "gptq"]
"""A format of quantized weights."""


class ModelFacts(Model):
    """Facts of the checkpoint from which its memory is computed."""

    weights_gib: Annotated[float, Field(ge=0, le=MAX_WEIGHTS_GIB, alias="weightsGiB")]
    """Size of the safetensors files that are loaded, in GiB."""
    layers: Annotated[int, Field(ge=1, le=1024)]
    """num_hidden_layers that keep a KV cache, sliding-window layers included."""
    attention_heads: Annotated[int, Field(ge=1, le=1024)]
    """num_attention_heads."""
    key_value_heads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """num_key_value_heads; left out with latent attention."""
    head_dim: Annotated[int, Field(ge=1, le=4096)] | None = None
    """head_dim; left out with latent attention."""
    latent_attention: LatentAttention | None = None
    """For models with multi-head latent attention."""
    sliding_window: SlidingWindow | None = None
    """For models with layers that attend to the last tokens only."""
    chunked_attention: SlidingWindow | None = None
    """For models with layers that attend to the tokens of their own chunk only; tokens is attention_chunk_size."""
    linear_attention: LinearAttention | None = None
    """For models with layers of linear attention or state spaces beside those that keep a KV cache."""
    parameters_billions: Annotated[float, Field(ge=0, le=100_000)] | None = None
    """Parameters of the model, in billions (10^9); tied embeddings count once."""
    active_parameters_billions: Annotated[float, Field(ge=0, le=100_000)] | None = None
    """Parameters that each token uses, in billions (10^9); all of them when left out."""
    hidden_size: Annotated[int, Field(ge=1)] | None = None
    """hidden_size."""
    experts: Experts | None = None
    """For mixture-of-experts models."""
    drafting: Drafting | None = None
    """For checkpoints with layers of multi-token prediction whose acceptance is published; weightsGiB has them, too."""
    tied_embeddings: bool = False
    """tie_word_embeddings: whether the output layer shares the weights of the input embedding."""
    quantization: Quantization | None = None
    """The format of quantized weights; left out where they are bf16 or fp16."""
    modalities: Annotated[tuple[Modality, ...], Field(max_length=4)] = ()
    """What the model takes beside text; left out for models of text alone."""
    architecture: Text | None = None
    """The first of the architectures of config.json, such as Qwen3ForCausalLM."""
    intermediate_size: Annotated[int, Field(ge=1)] | None = None
    """intermediate_size, of models whose weights are quantised in blocks."""
    moe_intermediate_size: Annotated[int, Field(ge=1)] | None = None
    """moe_intermediate_size, of such models with experts."""
    quantization_block: Annotated[int, Field(ge=1)] | None = None
    """weight_block_size in quantization_config: the rows and columns of a block that has one scale. Blocks are not cut
    apart, so the sizes above limit the tensor parallel degree."""
    max_context: Annotated[int, Field(ge=1)]
    """Maximum context length of the checkpoint, in tokens."""
    gated: bool = False
    """Whether the hub requires a token with access to the model."""
    license: Text | None = None
    """Short name of the licence."""
    source: Text | None = None
    """Source of these facts."""


def _window_within(spec: Mapping[str, Any]) -> bool:
    facts = spec.get("facts", {})
    return "slidingWindow" not in facts or facts["slidingWindow"].get("layers", 0) <= facts.get("layers", 0)


FACTS_RULES = (
    FieldRule(
        "!has(self.facts) || "
        "has(self.facts.latentAttention) != (has(self.facts.keyValueHeads) && has(self.facts.headDim))",
        "facts need either keyValueHeads and headDim, or latentAttention",
        lambda spec: (
            not (facts := spec.get("facts"))
            or ("latentAttention" in facts) != ("keyValueHeads" in facts and "headDim" in facts)
        ),
    ),
    FieldRule(
        "!has(self.facts) || !has(self.facts.slidingWindow) || self.facts.slidingWindow.layers <= self.facts.layers",
        "facts.slidingWindow.layers are some of facts.layers, so they cannot be more",
        _window_within,
    ),
)
"""Rules for facts, of whatever spec has them."""


def broken_facts(facts: ModelFacts) -> tuple[str, ...]:
    """The messages of the rules that facts break, which no spec states: no recipe can have them."""
    spec = {"facts": facts.wire()}
    return tuple(rule.message for rule in FACTS_RULES if rule.broken(spec))
