"""Sorts the arguments of an engine: what an endpoint has fields for, what it may set, and what is a recipe's."""

import re
from collections.abc import Iterable, Iterator, Mapping

from aimlib.api.precision import PRECISION_SPELLINGS
from aimlib.data import load_data
from aimlib.engines.arguments import Argument, ParsedArgs, parse_args
from aimlib.engines.catalogue import EngineFlags, engine
from aimlib.engines.endpoint_settings import FOR_RECIPES, allowed_flags
from aimlib.migration.adapters import FLAGS, MODULES, read_modules
from aimlib.migration.draft import Draft
from aimlib.migration.shell import is_unstated

QUANTIZED_ID = re.compile(r"awq|gptq|gguf|bnb|w\da\d|fp[48]|int[48]|[48]-?bit", re.IGNORECASE)
"""In the id of a model: its weights have another number format than the one that the engine computes in."""


def read_arguments(draft: Draft) -> None:
    """Sorts the engine's arguments, and empties their list: there may be more later."""
    backend = draft.backend or "vllm"
    parsed = parse_args(backend, [_present(draft, word) for word in _of_engine(draft, draft.words)])
    draft.words = []
    flags = engine(backend).flags
    degrees, fixed = _degrees(parsed, flags), _fixed(flags)
    stated = [draft.model, *(one.text for one in parsed.arguments if one.flag == flags.model)]
    quantized = any(one.flag == flags.quantization for one in parsed.arguments)
    draft.quantized = quantized or QUANTIZED_ID.search(" ".join(stated)) is not None
    for one in parsed.arguments:
        if one.flag == flags.group.nodes:
            draft.of_nodes = (one.text, one.flag)
        elif one.flag in fixed:
            draft.add(one.flag, "changed", fixed[one.flag])
        elif one.flag in degrees:
            draft.set_degree(degrees[one.flag], int(one.text), one.flag)
            if degrees[one.flag] == "data":
                _keep(draft, one)
        elif one.flag != flags.model and one.flag not in MODULES and any(map(is_unstated, one.texts)):
            draft.add(one.name, "needs you", "its value is not stated here")
        elif not _is_elsewhere(draft, one):
            _read_argument(draft, one, backend)
    for error in parsed.errors:
        name = error.split(" ", 1)[0].strip("'")
        draft.add(name, "changed" if name in fixed else "needs you", fixed.get(name, error))


def _is_elsewhere(draft: Draft, one: Argument) -> bool:
    """Whether the effect of a flag is had otherwise than by an argument; it is noted then."""
    row = load_data("migration")["elsewhere"].get(one.flag)
    if one.flag in MODULES:
        read_modules(draft, one.texts, one.flag)
    elif one.flag in FLAGS:
        draft.lora[one.flag] = one.text
    elif row:
        draft.add(one.name, row["outcome"], row["why"])
    return row is not None or one.flag in MODULES or one.flag in FLAGS


def _degrees(parsed: ParsedArgs, flags: EngineFlags) -> Mapping[str, str]:
    """The flags of degrees whose product is the number of GPUs; groups of data parallelism may be within tensor's."""
    within = flags.data_attention is not None and parsed.value(flags.data_attention, bool)
    data = {} if within else {flags.data_parallel: "data"}
    return {flags.tensor_parallel: "tensor", flags.pipeline_parallel: "pipeline", **data}


def _fixed(flags: EngineFlags) -> Mapping[str, str]:
    """Flags that the operator sets."""
    group = flags.group
    of_group = (group.rank, group.address, group.worker, group.data_address, group.local_data)
    return {
        **{flag: "the operator starts the pods of a replica" for flag in of_group if flag},
        flags.host: "the operator sets it",
        flags.port: "the engine's port is its own",
    }


def _of_engine(draft: Draft, words: Iterable[str]) -> Iterator[str]:
    """The words without the flags of a server around the engine, such as KServe's, which become of something else."""
    rows = load_data("migration")["servers"].get(draft.system, {})
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        row = rows.get(name.replace("-", "_").replace("__", "--", 1))
        if row is None:
            yield word
            continue
        if row["value"] and not equals:
            value = next(rest, "")
        match row.get("to"):
            case "backend":
                draft.set_backend(value, name)
            case "source":
                draft.set_source(value, name)
            case _ if value != row.get("default"):
                draft.add(name, row["outcome"], row["why"])


def _present(draft: Draft, word: str) -> str:
    """A word of the command with the present name of its flag."""
    name, equals, value = word.partition("=")
    present = load_data("migration")["flags"].get(name)
    if present and draft.backend != "sglang":
        draft.add(name, "changed", f"it is {present} now")
        return f"{present}{equals}{value}"
    return word


def _read_argument(draft: Draft, one: Argument, backend: str) -> None:
    flags = engine(backend).flags
    precision = PRECISION_SPELLINGS.get(one.text.lower())
    if one.flag == flags.model:
        draft.set_source(one.text, one.flag)
    elif one.flag == flags.revision:
        draft.put("model.revision", one.text, one.flag)
    elif one.flag == flags.served_model_name:
        draft.serve_as(one.text.split(), one.flag)
    elif one.flag == flags.dtype and (draft.quantized or one.text == "auto"):
        why = "the weights are quantized; what the engine computes in is the recipe's"
        draft.add(one.flag, "changed", why if draft.quantized else "the precision is selected")
    elif one.flag in {flags.dtype, flags.quantization} and precision:
        draft.put("precision", precision, one.flag)
    elif one.flag in allowed_flags(backend):
        _keep(draft, one)
    else:
        draft.add(one.name, "dropped", f"{FOR_RECIPES}; recipes of this model may have it")


def _keep(draft: Draft, one: Argument) -> None:
    draft.spec.setdefault("engine", {}).setdefault("args", []).extend(one.render())
    draft.add(one.name, "kept", "engine.args")
