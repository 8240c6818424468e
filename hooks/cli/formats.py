"""Formats objects as YAML for kubectl, and as JSON."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from aimlib.api.meta import Raw


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc] # libyaml's, where it is built
    """Quotes strings that kubectl would read as numbers or booleans and PyYAML would not."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002
        return True


NUMBER = re.compile(r"^(?:[-+]?(\d[\d_]*\.?[\d_]*|\.\d+)([eE][-+]?\d+)?|0[oO][0-7_]+|[yYnN])$")
Dumper.add_implicit_resolver("!ambiguous", NUMBER, list("-+.0123456789yYnN"))


def yaml_document(value: Any, title: str = "") -> str:  # noqa: ANN401 - JSON
    """One document with its marker and an optional comment."""
    return f"---\n{yaml_comment(title)}{yaml.dump(value, Dumper=Dumper, sort_keys=False, width=120)}"


def yaml_comment(title: str) -> str:
    """A line that parsers ignore; nothing for no title."""
    return f"# {' '.join(title.split())}\n" if title else ""


def json_text(value: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(value, indent=2) + "\n"


def as_list(items: Iterable[Raw]) -> Raw:
    """A List of objects, as kubectl prints and accepts."""
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def one_or_list(items: Sequence[Raw]) -> Raw:
    return items[0] if len(items) == 1 else as_list(items)
