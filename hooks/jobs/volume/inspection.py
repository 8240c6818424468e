"""Reads what a model's files tell without their weights: config.json, and sizes and headers of safetensors files."""

import json
from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple, Protocol

from aimlib.caching import weight_files
from aimlib.caching.byte_sizes import format_bytes
from aimlib.printable import printable
from hooks.jobs.volume import clock
from hooks.jobs.volume.errors import DownloadError

CONFIG = "config.json"
MODELOPT_CONFIG = "hf_quant_config.json"
"""Where older checkpoints of NVIDIA's ModelOpt have what quantization_config is in the others."""
MAX_CONFIG = 4 << 20
"""Most bytes of a config.json; the largest known have some 100 KiB."""
WEIGHT_INDEX = "model.safetensors.index.json"
"""Names the file of each tensor; engines load no other files where there is one (source: vLLM 0.33, weight_utils.py,
filter_duplicate_safetensors_files; SGLang has the same)."""
MAX_WEIGHT_INDEX = 32 << 20
"""Most bytes of it; that of 140,000 tensors has about 14 MiB."""
MAX_HEADER, MAX_HEADERS = 16 << 20, 256 << 20
"""Most bytes of a safetensors file's header, and of those of all files; headers of large shards have about 100 KiB."""
MAX_WEIGHT_FILES = 2048
"""Most files with weights; the largest known models have some 200."""
MAX_DIMENSIONS, MOST_ELEMENTS = 16, 2**50
"""More than any tensor has."""
LENGTH_BYTES = 8
"""A safetensors file begins with the length of its header, little-endian (source: the format's description)."""
FIRST_BYTES = 128 << 10
"""Bytes that are read of a safetensors file at first, which have most headers whole."""
MAX_SECONDS = 600.0
"""Seconds that an inspection may take, however slowly a server sends."""
SHOWN = 200
"""Most characters of a file's name in a message."""


class ListedFiles(NamedTuple):
    """The files of a model."""

    version: str | None
    """What pins them, such as a commit; None where nothing does."""
    sizes: Mapping[str, int]
    """Bytes by path."""


class ModelFiles(Protocol):
    """Where the files of a model are: the one way in which an inspection reads them."""

    @property
    def name(self) -> str:
        """The model or the place, for messages."""

    def listing(self) -> ListedFiles:
        """Lists the files. DownloadError, or TransientError."""

    def read(self, version: str | None, path: str, offset: int, length: int) -> bytes:
        """Returns so many bytes of a file, fewer where it ends. DownloadError, or TransientError."""


class Inspected(NamedTuple):
    """What a model's files tell."""

    config: dict[str, Any]
    size: int
    """Bytes of all safetensors files that are loaded."""
    parameters: int
    """Elements of their tensors."""
    version: str | None
    """What pins the files."""


Read = Callable[[int, int], bytes]
"""Returns so many bytes of a file from an offset."""
ReadProgress = Callable[[int, int], None]
"""Is told how many of the files have been read."""


def inspect_files(files: ModelFiles, progress: ReadProgress = lambda *_: None) -> Inspected:
    """What the files of a model tell. DownloadError, or TransientError."""
    deadline = clock.monotonic() + MAX_SECONDS
    listed = files.listing()
    weights = loaded_weights(listed.sizes, files.name)
    if CONFIG not in listed.sizes:
        raise DownloadError("UnknownArchitecture", f"{files.name} has no {CONFIG}, {NOT_COMPUTED}")
    config = _config(files, listed)
    weights = _indexed_weights(files, listed, weights)
    parameters, budget = 0, MAX_HEADERS
    for done, path in enumerate(weights):
        progress(done, len(weights))
        if clock.monotonic() > deadline:
            raise DownloadError("Network", f"{files.name} took longer than {MAX_SECONDS:.0f} s: too slow to be read")
        where = f"{printable(path, SHOWN)} of {files.name}"
        counted, length = _count(lambda *of, path=path: files.read(listed.version, path, *of), where)
        parameters, budget = parameters + counted, budget - length
        if budget < 0:
            raise DownloadError(
                "NotSafetensors",
                f"{files.name} has more than {format_bytes(MAX_HEADERS)} of headers, which no model needs",
            )
    progress(len(weights), len(weights))
    return Inspected(config, sum(listed.sizes[path] for path in weights), parameters, listed.version)


def _config(files: ModelFiles, listed: ListedFiles) -> dict[str, Any]:
    """The config.json, with the quantization that ModelOpt writes beside it."""
    config = read_model_config(files.read(listed.version, CONFIG, 0, MAX_CONFIG + 1), files.name)
    if config.get("quantization_config") or MODELOPT_CONFIG not in listed.sizes:
        return config
    text = files.read(listed.version, MODELOPT_CONFIG, 0, MAX_CONFIG + 1)
    found = read_model_config(text, files.name, MODELOPT_CONFIG).get("quantization")
    return (
        {**config, "quantization_config": {"quant_method": "modelopt", **found}} if isinstance(found, dict) else config
    )


NOT_COMPUTED = "from which memory is computed: describe the model by an AIMModel with facts, or by a recipe of your own"
"""What follows where nothing can be derived."""


def loaded_weights(sizes: Mapping[str, int], name: str) -> list[str]:
    """The safetensors files that engines load, in the order of their names. DownloadError where there are none."""
    found = sorted(path for path in sizes if path.endswith(".safetensors") and "/" not in path)
    usual = [path for path in found if not path.startswith((MISTRAL, ADAPTER))] or found
    if usual and all(path.startswith(ADAPTER) for path in usual):
        raise DownloadError("NotSafetensors", f"{name} has no weights of a model: {OF_ADAPTER}")
    if len(usual) > MAX_WEIGHT_FILES:
        raise DownloadError(
            "NotSafetensors", f"{name} lists {len(usual)} safetensors files, and a model has at most {MAX_WEIGHT_FILES}"
        )
    if not usual:
        raise DownloadError("NotSafetensors", _without_safetensors(sizes, name))
    if not weight_files.has_whole_weights(usual):
        first = next(path for path in usual if weight_files.SHARD.fullmatch(path))
        raise DownloadError(
            "NotSafetensors",
            f"{name} lacks some of the files that {printable(first, SHOWN)} is one of: memory would be too small",
        )
    return usual


def _indexed_weights(files: ModelFiles, listed: ListedFiles, weights: list[str]) -> list[str]:
    """Those of the files with weights that the index names. DownloadError where it names one that is not there."""
    if WEIGHT_INDEX not in listed.sizes or all(path.startswith(MISTRAL) for path in weights):
        return weights
    named = _named_files(files.read(listed.version, WEIGHT_INDEX, 0, MAX_WEIGHT_INDEX + 1), files.name)
    if missing := sorted(named - {*weights}):
        first = printable(missing[0], SHOWN) + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
        raise DownloadError(
            "NotSafetensors",
            f"{files.name} lacks {first} of the {len(named)} files that {WEIGHT_INDEX} names: engines load it without "
            "them, or not at all",
        )
    return [path for path in weights if path in named]


def _named_files(text: bytes, name: str) -> set[str]:
    """The files that an index names. DownloadError where it is none."""
    try:
        named = {*json.loads(text)["weight_map"].values()} if len(text) <= MAX_WEIGHT_INDEX else set()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        named = set()
    if not named or not all(isinstance(one, str) for one in named):
        raise DownloadError(
            "NotSafetensors", f"{WEIGHT_INDEX} of {name} is no index of at most {MAX_WEIGHT_INDEX >> 20} MiB"
        )
    return named


MISTRAL = "consolidated"
"""What the names of weights in Mistral's format begin with; such files have an index of their own."""
ADAPTER = "adapter_model"
"""What the names of an adapter's weights begin with (source: the PEFT library)."""
OF_ADAPTER = "it is an adapter (LoRA) of another one: serve it beside that one by spec.adapters, or merge them"


def _without_safetensors(sizes: Mapping[str, int], name: str) -> str:
    others = sorted(path for path in sizes if weight_files.is_weights(path) and "/" not in path)
    below = min((path for path in sizes if path.endswith(".safetensors") and "/" in path), default=None)
    if below and not others:
        return f"{name} has no safetensors files but in folders ({printable(below, SHOWN)}), {NOT_SEARCHED}"
    first = next((path for path in others if path.endswith(".gguf")), next(iter(others), ""))
    row = next(text for suffix, text in OTHER_FORMATS if first.endswith(suffix))
    return f"{name} has no safetensors files: {row.format(first=printable(first, SHOWN))}"


NOT_SEARCHED = "where engines look for none: request a repository that has them at its top"
GGUF = (
    "its weights are GGUF ({first}), for which nothing is derived; request the repository that they were made from, or "
    "one with AWQ, GPTQ or FP8"
)
PYTORCH = (
    "its weights are PyTorch's ({first}), which may run code when they are loaded; request a repository that has "
    "safetensors, convert it, or write a recipe"
)
NO_WEIGHTS = "it has no weights that engines load; request the repository of the model itself"
OTHER_FORMATS = ((".gguf", GGUF), (".bin", PYTORCH), (".pt", PYTORCH), (".pth", PYTORCH), ("", NO_WEIGHTS))
"""What a repository has instead, by the suffix of its first file of weights, and what to do."""


def read_model_config(text: bytes, where: str, file: str = CONFIG) -> dict[str, Any]:
    """The config.json of a model, or another such file; `where` names the model in errors. DownloadError."""
    try:
        found = json.loads(text) if len(text) <= MAX_CONFIG else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        limit = f"{MAX_CONFIG >> 20} MiB"
        raise DownloadError("UnknownArchitecture", f"{file} of {where} is no JSON object of at most {limit}")
    return found


def _count(read: Read, where: str) -> tuple[int, int]:
    """The number of elements of the tensors of a safetensors file, and the bytes of its header. DownloadError."""
    first = read(0, FIRST_BYTES)
    if weight_files.is_pointer(first):
        raise DownloadError("NotSafetensors", f"{where} {weight_files.IS_POINTER}")
    length = int.from_bytes(first[:LENGTH_BYTES], "little")
    if len(first) > LENGTH_BYTES and 0 < length <= MAX_HEADER:
        rest = LENGTH_BYTES + length - len(first)
        text = first[LENGTH_BYTES:] + (read(len(first), rest) if rest > 0 else b"")
        try:
            header = json.loads(text[:length])
            tensors = [one["shape"] for name, one in header.items() if name != "__metadata__"]
            return sum(map(_elements, tensors)), length
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass
    raise DownloadError("Corrupt", f"{where} is no safetensors file: its header cannot be read")


def _elements(shape: list[object]) -> int:
    """The number of elements of a tensor; ValueError for a shape that none has."""
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ValueError("no shape")
    sizes = [one for one in shape if type(one) is int and 0 <= one < MOST_ELEMENTS]
    if len(sizes) < len(shape) or (found := prod(sizes)) >= MOST_ELEMENTS:
        raise ValueError("no size")
    return found
