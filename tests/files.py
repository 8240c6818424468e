"""The YAML files of the tests: where they are, how they are read, and how an answer is written for reading."""

from pathlib import Path
from typing import Any

import yaml

from aimlib.data import YamlLoader

TESTDATA = Path(__file__).parent / "testdata"


class Dumper(yaml.SafeDumper):
    """YAML for reading: texts of several lines as blocks, and no anchors."""

    def ignore_aliases(self, _data):
        return True


BREAKS = frozenset("\x85\u2028\u2029")
"""Line breaks of Unicode, which are lost in blocks and between single quotes."""


def _text(dumper: Dumper, value: str) -> yaml.ScalarNode:
    style = '"' if BREAKS & {*value} else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Dumper.add_representer(str, _text)


def read(path: Path) -> Any:
    """What a YAML file has; there are a thousand of them."""
    return parsed(path.read_text(encoding="utf-8"))


def read_all(path: Path) -> list[Any]:
    """The documents of a YAML file."""
    return [one for one in yaml.load_all(path.read_text(encoding="utf-8"), YamlLoader) if one is not None]


def parsed(text: str) -> Any:
    """What a YAML text has."""
    return yaml.load(text, YamlLoader)  # noqa: S506 - it is a safe one


def written(value: Any, *, sort: bool = False) -> str:
    """A value as YAML."""
    return yaml.dump(value, Dumper=Dumper, sort_keys=sort, width=120, allow_unicode=True)
