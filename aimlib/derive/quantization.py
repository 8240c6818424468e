"""The format of quantized weights, as the quantization_config of a config.json describes it."""

from collections.abc import Iterator, Mapping
from typing import Any

from aimlib.data import load_data
from aimlib.printable import printable


def format_of(config: Mapping[str, Any]) -> str | None:
    """The format, as `facts.quantization` has it; None where weights are not quantized, or in no known way."""
    method = _method(config)
    if _word(config.get("data_type")) not in DATA_TYPES:
        return None
    found = {*map(_format_of_part, _parts(config))}
    if "nvfp4" in found:  # whatever the others are, as in mixed precision
        return "nvfp4"
    if block_of(config) and method in {"fp8", "compressed-tensors"}:
        return "fp8-block"
    if method in load_data("architectures")["methods"]:
        return str(load_data("architectures")["methods"][method])
    return next((one for one in MOST_DEMANDING if one in found), None)


def unknown_format(config: Mapping[str, Any]) -> str:
    """What a quantization is called that is in no known format; empty where it is known.

    A file may describe the KV cache alone, and then weights are not quantized.
    """
    method, kind = _method(config), next(_kinds(config), "")
    if not config or format_of(config) or (method in DESCRIBING and not kind):
        return ""
    name = method or "a method without a name"
    return printable(f"{name} ({kind})" if kind else name, LONGEST_FORMAT)


DESCRIBING = ("compressed-tensors", "modelopt", "quark")
"""Methods whose files have the format of weights, or nothing about them."""
DATA_TYPES = ("", "int")
"""Types of auto-round that are packed as GPTQ's are."""
MAX_BITS = 64
LONGEST_FORMAT = 64
"""Most characters of the name of a method."""


def _method(config: Mapping[str, Any]) -> str:
    """The name of the method, as engines spell it."""
    return _word(config.get("quant_method")).replace("compressed_tensors", "compressed-tensors")


def _kinds(config: Mapping[str, Any]) -> Iterator[str]:
    """What is stated of the weights, each in a word or two."""
    named = [_word(config.get("data_type"))]
    for part in _parts(config):
        bits = part.get("num_bits")
        named += [
            _word(part.get("quant_algo")),
            _word(part.get("dtype")),
            f"{bits} bits" if type(bits) is int and 0 < bits < MAX_BITS else "",
        ]
    sparsity = config.get("sparsity_config")
    named.append(_word(sparsity.get("format")) if isinstance(sparsity, Mapping) else "")
    yield from (one for one in named if one not in {*DATA_TYPES, "dense"})


MOST_DEMANDING = ("mxfp4", "fp8", "int8", "gptq", "awq")
"""Formats by how few GPUs compute them: of several in one model the first decides."""


def _parts(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What describes weights in the file of compressed-tensors, of modelopt (quant_algo) or of quark."""
    yield config
    yield {"quant_algo": config.get("moe_quant_algo")}
    inner = config.get("quantization")  # as in ModelOpt's own file
    yield inner if isinstance(inner, Mapping) else {}
    by_name = (config.get(key) for key in ("config_groups", "quantized_layers", "layer_quant_config"))
    several = [one for part in by_name if isinstance(part, Mapping) for one in part.values()]
    for one in (config.get("global_quant_config"), *several):
        if isinstance(one, Mapping):
            weights = one.get("weights", one.get("weight", one))
            yield from (
                part for part in (weights if isinstance(weights, list) else [weights]) if isinstance(part, Mapping)
            )


def _format_of_part(part: Mapping[str, Any]) -> str | None:
    """The format of weights of a number of bits and a type, or of an algorithm by name."""
    name = _word(part.get("quant_algo")) or _word(part.get("dtype"))
    named = next((found for word, found in NAMES if word in name), None)
    bits = part.get("num_bits")
    of_bits = BITS.get((bits, _word(part.get("type")))) if type(bits) is int else None
    return named or ("mxfp4" if of_bits == "nvfp4" and part.get("group_size") == MXFP4_GROUP else of_bits)


def _word(value: object) -> str:
    """A word in small letters; empty for anything else, which may be nested too deep to be printed."""
    return value.lower() if isinstance(value, str) else ""


NAMES = (("nvfp4", "nvfp4"), ("fp4", "mxfp4"), ("fp8", "fp8"), ("int8", "int8"), ("int4", "gptq"), ("awq", "awq"))
"""Words in the names of algorithms (modelopt) and types (quark), and the format of each; the first that is there."""
BITS: Mapping[tuple[int, str], str] = {
    (8, "float"): "fp8",
    (8, "int"): "int8",
    (4, "int"): "gptq",
    (4, "float"): "nvfp4",
}
"""Bits and type of compressed-tensors; four bits of integers are packed as GPTQ's are."""
MXFP4_GROUP = 32
"""Weights that share a scale in MXFP4; in NVFP4 they are 16."""


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
    found = (size[0] for size in sizes if isinstance(size, list) and size)
    return next((one for one in found if type(one) is int and 0 < one < MAX_BLOCK), None)


MAX_BLOCK = 2**16
"""More rows and columns than any block has."""
