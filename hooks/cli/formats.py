"""Objects as text: YAML that kubectl applies, and JSON."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from aimlib.api.meta import Raw


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc] # libyaml's, where it is built
    """YAML whose texts stay texts for kubectl, which knows more spellings of numbers and booleans than PyYAML."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002
        return True


NUMBER = re.compile(r"^(?:[-+]?(\d[\d_]*\.?[\d_]*|\.\d+)([eE][-+]?\d+)?|0[oO][0-7_]+|[yYnN])$")
Dumper.add_implicit_resolver("!ambiguous", NUMBER, list("-+.0123456789yYnN"))


def yaml_document(value: Any, title: str = "") -> str:  # noqa: ANN401 - JSON
    """One document with its marker, after a comment."""
    comment = f"# {' '.join(title.split())}\n" if title else ""
    return f"---\n{comment}{yaml.dump(value, Dumper=Dumper, sort_keys=False, width=120)}"


def json_text(value: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(value, indent=2) + "\n"


def listed(items: Iterable[Raw]) -> Raw:
    """The objects as one, as kubectl prints and takes several."""
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def one_or_listed(items: Sequence[Raw]) -> Raw:
    return items[0] if len(items) == 1 else listed(items)
