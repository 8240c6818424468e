"""The data files shipped with the library, each read once and only when something asks for it."""

from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast, and not in every build


@cache
def load_data(name: str) -> dict[str, Any]:
    """The data file at `name`, relative to this package and without its ending: `hardware`, `engines/backends`.

    The answer is shared between callers: read it, never change it. FileNotFoundError for a file that is not shipped.
    """
    return cast("dict[str, Any]", yaml.load(files(__name__).joinpath(f"{name}.yaml").read_bytes(), YamlLoader))  # noqa: S506
