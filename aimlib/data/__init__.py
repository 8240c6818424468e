"""Reads the data files of the library, each once, when it is first needed."""

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, cast

import yaml

YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast, and not in every build


@cache
def load_data(name: str) -> dict[str, Any]:
    """The data file at `name`, relative to this package and without its ending: `hardware`, `engines/backends`.

    The result is shared between callers, who must not change it. FileNotFoundError for a file that does not exist.
    """
    return cast("dict[str, Any]", _parsed(_read(name)))


@cache
def entries(name: str) -> Mapping[str, str]:
    """The text of each entry of a data file, by its key: of a large one few are needed, and parsing takes long.

    The keys stand alone on their lines, as the tools write them.
    """
    found = _ENTRY.split(_read(name))[1:]
    return dict(zip((key.strip("'\"") for key in found[::2]), found[1::2], strict=True))


@lru_cache(maxsize=256)
def load_entry(name: str, key: str) -> dict[str, Any]:
    """One entry of a data file, as `load_data` has it. KeyError."""
    return cast("dict[str, Any]", _parsed(entries(name)[key]))


@cache
def load_schema(kind: str) -> dict[str, Any]:
    """The schema of the spec of a kind, without descriptions. `aimlib.schema.crd` writes it with the CRD."""
    return cast("dict[str, Any]", json.loads(files(__name__).joinpath("schemas", f"{kind}.json").read_bytes()))


_ENTRY = re.compile(r"^([^\s#][^\n]*):\n", re.MULTILINE)


def _read(name: str) -> str:
    return files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def _parsed(text: str) -> object:
    loader = YamlLoader(text)
    try:
        return _value(loader, cast("yaml.Node", loader.get_single_node()))
    finally:
        loader.dispose()


_TEXT = "tag:yaml.org,2002:str"


def _value(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    """What a node is; the files have no merge keys. The loader's own way takes three times as long."""
    if node.tag == _TEXT:
        return node.value
    if isinstance(node, yaml.MappingNode):
        return {_value(loader, key): _value(loader, value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, one) for one in node.value]
    return loader.construct_object(node)
