"""Formats objects as YAML for kubectl, and as JSON."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from aimlib.api.meta import Raw
from aimlib.schema.yaml_writer import yaml_text


def yaml_document(value: Any, title: str = "") -> str:  # noqa: ANN401 - JSON
    """One document with its marker and an optional comment."""
    return f"---\n{yaml_comment(title)}{yaml_text(value)}"


def yaml_comment(title: str) -> str:
    """A line that parsers ignore; nothing for no title."""
    return f"# {' '.join(title.split())}\n" if title else ""


def json_text(value: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(value, indent=2) + "\n"


def data_text(value: Any, output: str) -> str:  # noqa: ANN401 - JSON
    """The value as `-o json` prints it, or else as YAML, which people read, too."""
    return json_text(value) if output == "json" else yaml_document(value)


def as_list(items: Iterable[Raw]) -> Raw:
    """A List of objects, as kubectl prints and accepts."""
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def one_or_list(items: Sequence[Raw]) -> Raw:
    return items[0] if len(items) == 1 else as_list(items)
