"""Writes YAML that kubectl reads as it was meant."""

import re
from typing import Any

import yaml


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc] # libyaml's, where it is built
    """Quotes strings that kubectl would read as numbers or booleans and PyYAML would not."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002
        return True


NUMBER = re.compile(
    r"^(?:[-+]?_*(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][-+]?[\d_]+)?|[-+]?_*0_*[oObBxX][0-9a-fA-F_]+|[yYnN])$"
)
"""Underscores count for nothing, wherever they are (aimlib/schema/yaml_loader.py reads them as Go does)."""
Dumper.add_implicit_resolver("!ambiguous", NUMBER, list("-+.0123456789yYnN"))


def yaml_text(value: Any) -> str:  # noqa: ANN401 - JSON
    """One document, without its marker; keys stay in their order."""
    return str(yaml.dump(value, Dumper=Dumper, sort_keys=False, width=120))
