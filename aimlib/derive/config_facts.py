"""Reads the facts of a model from its config.json and the size of its weights, by a table of keys."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from pydantic import ValidationError

from aimlib.api.model_facts import ModelFacts
from aimlib.data import load_data
from aimlib.derive.quantization import block_of, format_of
from aimlib.errors import InvalidInputError
from aimlib.kube.quantity import GIB
from aimlib.schema.error_messages import validation_messages


class UnreadableConfigError(InvalidInputError, ValueError):
    """A config.json that the facts cannot be read from, with what is missing."""


class Weights(NamedTuple):
    """The safetensors files of a model."""

    size: int
    """Bytes of all of them."""
    parameters: int | None = None
    """Elements of their tensors; None where the headers were not read, or pack several into one."""


def facts_of(config: Mapping[str, Any], weights: Weights, source: str) -> ModelFacts:
    """The facts. UnreadableConfigError, in a sentence."""
    text = _text_part(config)
    if not weights.size:
        raise UnreadableConfigError(f"{source} has no safetensors files")
    quantization = format_of(_quantization(config, text))
    found = {
        "weightsGiB": round(weights.size / GIB, 2),
        "parametersBillions": round(weights.parameters / 1e9, 3) if weights.parameters and not quantization else None,
        **_attention(text),
        **_experts(text),
        "hiddenSize": _value(text, "hiddenSize"),
        "maxContext": _value(text, "maxContext"),
        "tiedEmbeddings": bool(text.get("tie_word_embeddings", config.get("tie_word_embeddings", False))),
        "quantization": quantization,
        "modalities": _modalities(config),
        "architecture": _architecture(config),
        "source": source,
        **_blocks(_quantization(config, text), text),
    }
    try:
        return ModelFacts.model_validate({key: value for key, value in found.items() if value not in (None, ())})
    except ValidationError as error:
        raise UnreadableConfigError(
            f"the config.json of {source} lacks what memory is computed from: {'; '.join(validation_messages(error))}"
        ) from error


def needs_remote_code(config: Mapping[str, Any]) -> bool:
    """Whether the model's files name code of their own (auto_map), which derived candidates never run."""
    return bool(config.get("auto_map"))


def _text_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part that is about text, which multimodal models nest."""
    for path in load_data("architectures")["nested"]:
        part: Any = config
        for key in path.split("."):
            part = part.get(key) if isinstance(part, Mapping) else None
        if isinstance(part, Mapping) and _value(part, "layers"):
            return part
    return config


def _value(part: Mapping[str, Any], fact: str) -> int | None:
    """The number of a fact, under the first of its names that has one."""
    found = (part.get(name) for name in load_data("architectures")["keys"][fact])
    return next((one for one in found if _is_size(one)), None)


def _is_size(value: object) -> TypeGuard[int]:
    """Whether a value is a number of something, as the API server stores them."""
    return type(value) is int and 0 <= value < 2**31


def _quantization(config: Mapping[str, Any], text: Mapping[str, Any]) -> Mapping[str, Any]:
    found = config.get("quantization_config") or text.get("quantization_config")
    return found if isinstance(found, Mapping) else {}


def _architecture(config: Mapping[str, Any]) -> str | None:
    names = config.get("architectures")
    return str(names[0])[:1024] if isinstance(names, list) and names else None


def _modalities(config: Mapping[str, Any]) -> tuple[str, ...]:
    table = load_data("architectures")["modalities"]
    return tuple(name for name, keys in table.items() if any(config.get(key) is not None for key in keys))


def _attention(text: Mapping[str, Any]) -> dict[str, Any]:
    """Layers by kind, and the heads of those that keep a KV cache."""
    heads, layers = _value(text, "attentionHeads"), _value(text, "layers")
    kinds = _kinds(text, layers or 0)
    window, chunk = _value(text, "slidingWindow"), _value(text, "chunk")
    found: dict[str, Any] = {"layers": (layers or 0) - kinds["linear"] or None, "attentionHeads": heads}
    if kinds["sliding"] and window:
        found["slidingWindow"] = {"layers": kinds["sliding"], "tokens": window}
    if kinds["chunked"] and chunk:
        found["chunkedAttention"] = {"layers": kinds["chunked"], "tokens": chunk}
    if kinds["linear"]:
        found["linearAttention"] = {"layers": kinds["linear"], "stateKiB": _state_kib(text)}
    rank, rope = text.get("kv_lora_rank"), text.get("qk_rope_head_dim")
    if _is_size(rank) and _is_size(rope):
        return {**found, "latentAttention": {"kvLoraRank": rank, "qkRopeHeadDim": rope}}
    hidden = _value(text, "hiddenSize")
    width = _value(text, "headDim") or (hidden // heads if hidden and heads else None)
    return {**found, "keyValueHeads": _value(text, "keyValueHeads") or heads, "headDim": width}


def _kinds(text: Mapping[str, Any], layers: int) -> Counter[str]:
    """Layers by kind: as listed, else by the pattern of sliding windows, else one window for all."""
    table = load_data("architectures")["layerTypes"]
    listed = text.get("layer_types")
    if isinstance(listed, list):
        return Counter(table.get(one, "full") for one in map(str, listed))
    pattern = text.get("sliding_window_pattern")
    if _is_size(pattern) and pattern > 1:
        return Counter(sliding=layers - layers // pattern)
    windowed = _value(text, "slidingWindow") and text.get("use_sliding_window", True)
    return Counter(sliding=layers if windowed else 0)


def _state_kib(text: Mapping[str, Any]) -> float:
    """The state of one layer of gated delta attention, in KiB: heads x key width x value width, in 16 bit."""
    sizes = [text.get(f"linear_{name}") for name in ("num_value_heads", "key_head_dim", "value_head_dim")]
    numbers = [one for one in sizes if _is_size(one)]
    return round(2 * numbers[0] * numbers[1] * numbers[2] / 1024, 1) if len(numbers) == len(sizes) else 0.0


def _experts(text: Mapping[str, Any]) -> dict[str, Any]:
    count, active = _value(text, "experts"), _value(text, "activeExperts")
    return {"experts": {"count": count, "active": active}} if count and active else {}


def _blocks(quantization: Mapping[str, Any], text: Mapping[str, Any]) -> dict[str, Any]:
    """What bounds the degree of weights that are quantized in blocks."""
    block = block_of(quantization)
    if block is None:
        return {}
    sizes = {name: _value(text, name) for name in ("intermediateSize", "moeIntermediateSize")}
    return {"quantizationBlock": block, **sizes}
