"""Reads Kubernetes objects from YAML or JSON text; errors name the source, line and object."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import yaml

from aimlib.api.meta import Raw
from aimlib.errors import InvalidInputError
from aimlib.schema.error_messages import ValuePath
from aimlib.schema.validation import Finding, outline_findings
from aimlib.schema.yaml_loader import MAX_TEXT_BYTES, yaml_values


class InvalidManifestError(InvalidInputError):
    """Manifests that cannot be used; the message has one line per finding, with its place."""


class Document(NamedTuple):
    """One object, with its source and position."""

    source: str
    raw: Raw
    node: yaml.Node | None = None
    """The parsed YAML, which has line numbers; None for JSON."""

    @property
    def kind(self) -> str:
        return str(self.raw["kind"])

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    def refused(self, findings: Iterable[Finding]) -> InvalidManifestError:
        """The findings as an error: each with file, line and object."""
        metadata = self.raw.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, Mapping) else ""
        title = f"{self.raw.get('kind', 'object')} {name}".strip()
        return InvalidManifestError(
            "\n".join(f"{self.place(finding.path)}: {title}: {finding}" for finding in findings)
        )

    def place(self, path: ValuePath = ()) -> str:
        """Source and line of a field, or of its nearest parent that exists."""
        return f"{self.source}:{_line(self.node, path) + 1}" if self.node else self.source


def _line(node: yaml.Node, path: ValuePath) -> int:
    """The line of the field at `path`, counted from 0; that of the last step that exists."""
    line: int = node.start_mark.line
    for step in path:
        found = _inside(node).get(step)
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return line


def _inside(node: yaml.Node) -> dict[str | int, tuple[yaml.Node, yaml.Node]]:
    """The items of a list or object by index or key: the node at which each begins, and its value."""
    if isinstance(node, yaml.SequenceNode):
        return {place: (item, item) for place, item in enumerate(node.value)}
    return {key.value: (key, value) for key, value in node.value}


def documents(source: str, content: bytes) -> Iterator[Document]:
    """The objects in a text, with lists split into their items; InvalidManifestError for anything else."""
    for raw, node in _values(source, content):
        for member in _members(Document(source, raw, node)):
            if not isinstance(member.raw, dict):
                raise InvalidManifestError(f"{member.place()}: not an object with apiVersion, kind and metadata")
            if findings := outline_findings(member.raw):
                raise member.refused(findings)
            yield member


def _members(one: Document) -> Iterator[Document]:
    """The items of a `List`, or of the list of a kind such as `NodeList`; any other object itself."""
    kind = one.raw.get("kind") if isinstance(one.raw, dict) else None
    items = one.raw.get("items") if isinstance(kind, str) and kind.endswith("List") else None
    if not isinstance(items, list):
        yield one
        return
    of_one_kind = {"apiVersion": one.raw.get("apiVersion"), "kind": str(kind).removesuffix("List")}
    common = {} if kind == "List" else of_one_kind
    nodes = _inside(one.node)["items"][1].value if one.node else []
    for place, item in enumerate(items):
        raw = {**common, **item} if isinstance(item, dict) else item
        yield Document(one.source, raw, nodes[place] if nodes else None)


def _values(source: str, content: bytes) -> Iterator[tuple[Any, yaml.Node | None]]:
    """The documents of a text, without empty ones."""
    if content.lstrip()[:1] == b"{":
        with suppress(ValueError):  # YAML may start like this, too, and its parser's errors have line numbers
            yield json.loads(content, parse_constant=_no_number), None  # much faster for large dumps of nodes
            return
    yield from ((raw, node) for raw, node in parse_yaml(source, content) if raw is not None)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number in JSON")


def parse_yaml(source: str, content: bytes) -> Iterator[tuple[Any, yaml.Node]]:
    """The documents of YAML as value and node; InvalidManifestError, with the line, for what is none."""
    if len(content) > MAX_TEXT_BYTES:
        raise InvalidManifestError(f"{source}: more than {MAX_TEXT_BYTES // 2**20} MiB")
    try:
        yield from yaml_values(content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise InvalidManifestError(f"{where}: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidManifestError(f"{source}: not YAML: {str(error).splitlines()[0]}") from error
