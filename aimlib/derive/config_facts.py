"""Reads the facts of a model from its config.json and the size of its weights, by a table of keys."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from aimlib.api.model_facts import ModelFacts, broken_facts
from aimlib.data import load_data
from aimlib.derive.attention_facts import attention_facts, is_size, most_of, value_of
from aimlib.derive.quantization import block_of, format_of, unknown_format
from aimlib.errors import InvalidInputError
from aimlib.kube.quantity import GIB
from aimlib.printable import printable
from aimlib.schema.error_messages import validation_messages


class UnreadableConfigError(InvalidInputError, ValueError):
    """A config.json that the facts cannot be read from, with what is missing."""


class Weights(NamedTuple):
    """The safetensors files of a model."""

    size: int
    """Bytes of all of them."""
    parameters: int | None = None
    """Elements of their tensors; None where the headers were not read, or pack several into one."""


WHAT_TO_DO = "describe the model by an AIMModel with facts, or by a recipe of your own"


def facts_of(config: Mapping[str, Any], weights: Weights, source: str) -> ModelFacts:
    """The facts. UnreadableConfigError, in a sentence."""
    text = _text_part(config)
    if not weights.size:
        raise UnreadableConfigError(f"{source} has no safetensors files")
    stated = _quantization(config, text)
    if _is_mlx(config, stated):
        raise UnreadableConfigError(f"{source} is in MLX's format, which no engine here loads: {OF_MLX}")
    if unknown := unknown_format(stated):
        raise UnreadableConfigError(
            f"{source} has weights that are quantized by {unknown}, for which nothing is derived: {OF_OTHERS}"
        )
    quantization = format_of(stated)
    found = {
        "weightsGiB": round(weights.size / GIB, 2),
        "parametersBillions": round(weights.parameters / 1e9, 3) if weights.parameters and not stated else None,
        **attention_facts(text),
        **_experts(text),
        "hiddenSize": value_of(text, "hiddenSize"),
        "maxContext": _context(text),
        "tiedEmbeddings": bool(text.get("tie_word_embeddings", config.get("tie_word_embeddings", False))),
        "quantization": quantization,
        "modalities": _modalities(config),
        "architecture": _architecture(config),
        "source": source,
        **_blocks(stated, text),
    }
    lacks = f"the config.json of {source} lacks what memory is computed from"
    try:
        facts = ModelFacts.model_validate({key: value for key, value in found.items() if value not in (None, ())})
    except ValidationError as error:
        raise UnreadableConfigError(f"{lacks} ({'; '.join(validation_messages(error))}): {WHAT_TO_DO}") from error
    if broken := broken_facts(facts):
        raise UnreadableConfigError(f"{lacks} ({'; '.join(broken)}): {WHAT_TO_DO}")
    return facts


def needs_remote_code(config: Mapping[str, Any]) -> bool:
    """Whether the model's files name code of their own (auto_map), which derived candidates never run."""
    return bool(config.get("auto_map"))


def _text_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part that is about text, which multimodal models nest."""
    for path in load_data("architectures")["nested"]:
        part: Any = config
        for key in path.split("."):
            part = part.get(key) if isinstance(part, Mapping) else None
        if isinstance(part, Mapping) and value_of(part, "layers"):
            return part
    return config


def _quantization(config: Mapping[str, Any], text: Mapping[str, Any]) -> Mapping[str, Any]:
    names = ("quantization_config", "compression_config")  # the latter in early files of compressed-tensors
    stated = (part.get(name) for name in names for part in (config, text))
    return next((found for found in stated if found and isinstance(found, Mapping)), {})


OF_MLX = "request the repository that it was made from, or one with AWQ, GPTQ or FP8"
OF_OTHERS = f"{OF_MLX}, or write a recipe"


def _is_mlx(config: Mapping[str, Any], quantization: Mapping[str, Any]) -> bool:
    """Whether weights are quantized as MLX does it, which states bits and no method."""
    found = config.get("quantization")
    return isinstance(found, Mapping) and "bits" in found and not quantization.get("quant_method")


MAX_ARCHITECTURE = 200
"""Most characters of the name of an architecture; that of a class of Python has fewer."""


def _architecture(config: Mapping[str, Any]) -> str | None:
    names = config.get("architectures")
    first = names[0] if isinstance(names, list) and names else None
    return printable(first, MAX_ARCHITECTURE) or None if isinstance(first, str) else None


def _modalities(config: Mapping[str, Any]) -> tuple[str, ...]:
    table = load_data("architectures")["modalities"]
    parts = [part for part in (config, config.get("thinker_config")) if isinstance(part, Mapping)]
    return tuple(
        name for name, keys in table.items() if any(part.get(key) is not None for part in parts for key in keys)
    )


def _context(text: Mapping[str, Any]) -> int | None:
    """The longest context, by YaRN or the positions; those of the RoBERTa family have rows up to the padding's."""
    positions, padding = value_of(text, "maxContext"), text.get("pad_token_id")
    if stretched := _stretched(text):
        return stretched
    if positions and text.get("model_type") in load_data("architectures")["paddedPositions"]:
        return positions - ((padding if is_size(padding) else 1) + 1)
    return positions


def _stretched(text: Mapping[str, Any]) -> int | None:
    """What YaRN makes of the length that a model was trained with; engines take that, whatever the positions are.

    Of other methods the positions are what the model's makers recommend.
    """
    for key in ("rope_parameters", "rope_scaling"):
        rope = text.get(key)
        if isinstance(rope, Mapping) and rope.get("rope_type", rope.get("type")) in ("yarn", "deepseek_yarn"):
            trained, factor = rope.get("original_max_position_embeddings"), rope.get("factor")
            if is_size(trained) and isinstance(factor, int | float) and 1 <= factor < MAX_FACTOR:
                return int(trained * factor) or None
    return None


MAX_FACTOR = 1024
"""By how much no model is stretched."""


def _experts(text: Mapping[str, Any]) -> dict[str, Any]:
    count, active = most_of(text, "experts"), most_of(text, "activeExperts")
    return {"experts": {"count": count, "active": active}} if count and active else {}


def _blocks(quantization: Mapping[str, Any], text: Mapping[str, Any]) -> dict[str, Any]:
    """What bounds the degree of weights that are quantized in blocks.

    Where a model has experts and one size alone, it is that of each expert, as Mixtral and MiniMax state it.
    """
    block = block_of(quantization)
    if block is None:
        return {}
    size, of_experts = (value_of(text, name) for name in ("intermediateSize", "moeIntermediateSize"))
    if of_experts is None and _experts(text):
        size, of_experts = None, size
    return {"quantizationBlock": block, "intermediateSize": size, "moeIntermediateSize": of_experts}
