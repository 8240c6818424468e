"""The format of quantized weights, as the quantization_config of a config.json describes it."""

from collections.abc import Iterator, Mapping
from typing import Any

from aimlib.data import load_data


def format_of(config: Mapping[str, Any]) -> str | None:
    """The format, as `facts.quantization` has it; None where weights are not quantized, or in no known way."""
    method = str(config.get("quant_method", "")).lower()
    if block_of(config) and method in {"fp8", "compressed-tensors"}:
        return "fp8-block"
    if method in load_data("architectures")["methods"]:
        return str(load_data("architectures")["methods"][method])
    return next(filter(None, map(_format_of_part, _parts(config))), None)


def _parts(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What describes weights in the file of compressed-tensors (config_groups), modelopt (quant_algo) or quark."""
    yield config
    groups = config.get("config_groups")
    quark = config.get("global_quant_config")
    for one in (*(groups.values() if isinstance(groups, Mapping) else ()), quark):
        weights = one.get("weights", one.get("weight")) if isinstance(one, Mapping) else None
        if isinstance(weights, Mapping):
            yield weights


def _format_of_part(part: Mapping[str, Any]) -> str | None:
    """The format of weights of a number of bits and a type, or of an algorithm by name."""
    name = str(part.get("quant_algo") or part.get("dtype") or "").lower()
    named = next((found for word, found in NAMES if word in name), None)
    return named or BITS.get((str(part.get("num_bits")), str(part.get("type"))))


NAMES = (("nvfp4", "nvfp4"), ("fp4", "mxfp4"), ("fp8", "fp8"), ("int8", "int8"), ("int4", "gptq"))
"""Words in the names of algorithms (modelopt) and types (quark), and the format of each; the first that is there."""
BITS: Mapping[tuple[str, str], str] = {
    ("8", "float"): "fp8",
    ("8", "int"): "int8",
    ("4", "int"): "gptq",
    ("4", "float"): "nvfp4",
}
"""Bits and type of compressed-tensors; four bits of integers are packed as GPTQ's are."""


def block_of(config: Mapping[str, Any]) -> int | None:
    """The rows and columns of a block that has one scale; None without blocks."""
    groups = config.get("config_groups")
    inner = (
        [one.get("weights") for one in groups.values() if isinstance(one, Mapping)]
        if isinstance(groups, Mapping)
        else []
    )
    sizes = [
        config.get("weight_block_size"),
        *(one.get("block_structure") for one in inner if isinstance(one, Mapping)),
    ]
    found = next((size for size in sizes if isinstance(size, list) and size and isinstance(size[0], int)), None)
    return found[0] if found else None
