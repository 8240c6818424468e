"""Reads YAML as kubectl does, within limits: on size, depth, and what aliases stand for.

kubectl reads YAML by go-yaml (sigs.k8s.io/yaml, goyaml.v2/resolve.go): numbers are those of Go, so `1:30` and dates are
text, `0o17` and `017` are 15, `1e3` is a number, and y and n are booleans.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

import aimlib.data

MAX_TEXT_BYTES = 256 * 2**20
"""Bytes of one text: `kubectl get nodes -o yaml` of 5,000 nodes has less than a tenth."""
MAX_DEPTH = 100
"""Levels of lists and objects. The parser in C fails at some ten thousand, without a message."""
MAX_EXPANDED = 1_000_000
"""Values of a document with aliases, each alias counted as what it stands for."""

_BOOL, _NUMBER, _TEXT = "tag:yaml.org,2002:bool", "!number", "tag:yaml.org,2002:str"
_REPLACED = frozenset(f"tag:yaml.org,2002:{name}" for name in ("bool", "float", "int", "timestamp", "value"))
_BOOLEANS = re.compile("(y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF)\\Z")
_RESOLVERS = ((_BOOL, _BOOLEANS, "yYtToOnNfF"), (_NUMBER, re.compile(r"[-+.0-9][-+.0-9a-zA-Z_]*\Z"), "-+.0123456789"))
"""Tag, form, and the characters by which it begins. What looks like a number may still be text."""
_INTEGER = re.compile(r"([-+]?)(?:0b([01]+)|0o?([0-7]+)|0x([0-9a-f]+)|(0|[1-9][0-9]*))", re.IGNORECASE)
_BASES = (2, 8, 16, 10)
"""Of the groups after the sign."""
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST = 66
"""Characters of the longest integer of 64 bits, in base 2."""


class KubectlLoader(aimlib.data.YamlLoader):  # type: ignore[misc,valid-type] # libyaml's loader, or its substitute
    """Constructs values as kubectl does: keys are text, and duplicate keys are refused."""

    yaml_implicit_resolvers: Mapping[str, list[tuple[str, re.Pattern[str]]]] = {}

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.seen: set[yaml.Node] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Called for each mapping, before keys are merged into it; for one with an anchor more than once."""
        if node not in self.seen:
            self.seen.add(node)
            _check_keys(node)
        super().flatten_mapping(node)


def _resolvers() -> Mapping[str, list[tuple[str, re.Pattern[str]]]]:
    found = {
        first: [(tag, form) for tag, form in forms if tag not in _REPLACED]
        for first, forms in aimlib.data.YamlLoader.yaml_implicit_resolvers.items()
    }
    for tag, form, firsts in _RESOLVERS:
        for first in firsts:
            found.setdefault(first, []).append((tag, form))
    return found


def _check_keys(node: yaml.MappingNode) -> None:
    names = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value != "<<":
            if key.value in names:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value!r}", key.start_mark)
            names.add(key.value)
            key.tag = _TEXT


def _number(loader: KubectlLoader, node: yaml.ScalarNode) -> int | float | str:
    """A number as Go parses it, else the text."""
    text: str = loader.construct_scalar(node)
    if _INFINITE.fullmatch(text):
        raise yaml.constructor.ConstructorError(None, None, f"{text} is not a number in JSON", node.start_mark)
    plain = text if text.startswith(".") else text.replace("_", "")
    if len(plain) <= _LONGEST and (found := _INTEGER.fullmatch(plain)):
        digits, base = next((digits, base) for digits, base in zip(found.groups()[1:], _BASES, strict=True) if digits)
        value = int(digits, base) * (-1 if found[1] == "-" else 1)
        if -(2**63) <= value < (2**63 if found[1] else 2**64):
            return value
    number = float(plain) if _DECIMAL.fullmatch(plain) else math.inf
    return text if math.isinf(number) else number


KubectlLoader.yaml_implicit_resolvers = _resolvers()
KubectlLoader.add_constructor(_NUMBER, _number)
KubectlLoader.add_constructor(
    _BOOL, lambda loader, node: loader.construct_scalar(node).lower() in {"y", "yes", "true", "on"}
)


class Expanded(NamedTuple):
    """What a node is with every alias expanded."""

    values: int
    depth: int


def yaml_values(content: bytes) -> Iterator[tuple[Any, yaml.Node]]:
    """Each document as value and node; yaml.MarkedYAMLError where one is invalid or beyond the limits."""
    _check_depth(content)
    loader = KubectlLoader(content)
    try:
        while loader.check_node():
            node = loader.get_node()
            if b"*" in content:
                _expanded(node, {})
            yield loader.construct_document(node), node
    finally:
        loader.dispose()


def _check_depth(content: bytes) -> None:
    """Reads a text event by event, which takes no stack, before nodes are composed, which does."""
    depth = 0
    for event in yaml.parse(content, aimlib.data.YamlLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise yaml.composer.ComposerError(
                    None,
                    None,
                    f"it is nested more than {MAX_DEPTH} levels deep",
                    event.start_mark,  # type: ignore[arg-type]
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _expanded(node: yaml.Node, known: dict[yaml.Node, Expanded | None]) -> Expanded:
    """Counts what a node stands for, in time linear in what is written: each anchor is counted once."""
    if isinstance(node, yaml.ScalarNode):
        return Expanded(1, 0)
    if node in known:
        found = known[node]
        if found is None:
            raise yaml.composer.ComposerError(None, None, "an alias makes it contain itself", node.start_mark)
        return found
    known[node] = None
    parts = [part for one in node.value for part in (one if isinstance(one, tuple) else (one,))]
    inner = [_expanded(part, known) for part in parts]
    found = Expanded(1 + sum(one.values for one in inner), 1 + max((one.depth for one in inner), default=0))
    if found.values > MAX_EXPANDED or found.depth > MAX_DEPTH:
        stands_for = f"more than {MAX_EXPANDED:,} values, or {MAX_DEPTH} levels"
        raise yaml.composer.ComposerError(None, None, f"its aliases stand for {stands_for}", node.start_mark)
    known[node] = found
    return found
