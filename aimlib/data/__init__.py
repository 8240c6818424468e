"""Reads the data files of the library, each once, when it is first needed."""

from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast, and not in every build


@cache
def load_data(name: str) -> dict[str, Any]:
    """The data file at `name`, relative to this package and without its ending: `hardware`, `engines/backends`.

    The result is shared between callers, who must not change it. FileNotFoundError for a file that does not exist.
    """
    return cast("dict[str, Any]", yaml.load(files(__name__).joinpath(f"{name}.yaml").read_bytes(), YamlLoader))  # noqa: S506
