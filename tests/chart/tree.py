"""Objects with parts that depend on the chart's values, and how they are written as a template of Helm's.

A kustomize component changes some objects. What it changes is found by comparing the objects with it and without it,
and becomes a Choice at that place, so that a chart has every component without a second source.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import yaml

INDENT = 2
KEY = "name"
"""What tells the entries of a list of objects apart, where all of them have it."""


class Absent:
    """What is not there."""


ABSENT = Absent()


class Choice(NamedTuple):
    """A part that is `then` where a condition of the values holds, and else `otherwise`."""

    condition: str
    then: object
    otherwise: object


class Expression(str):
    """What Helm computes, written as it is: `{{ … }}` that renders one line of YAML."""

    __slots__ = ()


class TreeError(Exception):
    """Two renderings differ in a way that a chart cannot express; the message has the place."""


def with_variant(base: object, other: object, condition: str, place: str = "") -> object:
    """`base`, which may have Choices, with one more wherever `other`, a rendering with a component, differs from it."""
    plain = _plain(base)
    if plain == other:
        return base
    if isinstance(base, Choice):
        if base.otherwise != plain:
            raise TreeError(f"{place}: two components decide")
        return base._replace(otherwise=with_variant(base.otherwise, other, condition, place))
    if isinstance(base, Mapping) and isinstance(other, Mapping):
        return {
            key: with_variant(base.get(key, ABSENT), _value(other, key), condition, f"{place}.{key}")
            for key in sorted({*base, *other})
        }
    if isinstance(base, list) and isinstance(other, list):
        return _with_list(base, other, condition, place)
    return Choice(condition, other, base)


def _value(mapping: Mapping[str, object], key: str) -> object:
    return mapping.get(key, ABSENT)


def _with_list(base: list[Any], other: list[Any], condition: str, place: str) -> object:
    """Lists entry by entry: by name where entries have one, else what is added at the end; else one or the other."""
    plain = _plain(base)
    if _named(plain) and _named(other):
        found = {one[KEY]: one for one in other}
        changed = [with_variant(one, found.pop(_plain(one)[KEY], ABSENT), condition, place) for one in _entries(base)]
        return [*_optional(base), *changed, *(Choice(condition, one, ABSENT) for one in found.values())]
    if other[: len(plain)] == plain:
        return [*base, *(Choice(condition, one, ABSENT) for one in other[len(plain) :])]
    if plain != base:
        raise TreeError(f"{place}: two components decide")
    return Choice(condition, other, base)


def _named(entries: Sequence[object]) -> bool:
    return all(isinstance(one, Mapping) and KEY in one for one in entries)


def _optional(entries: Sequence[object]) -> list[object]:
    """Those that components have added, which are not there in the plain rendering."""
    return [one for one in entries if _plain(one) is ABSENT]


def _entries(entries: Sequence[object]) -> list[object]:
    return [one for one in entries if _plain(one) is not ABSENT]


def _plain(node: object) -> Any:
    """A tree without any component."""
    if isinstance(node, Choice):
        return _plain(node.otherwise)
    if isinstance(node, Mapping):
        return {key: plain for key, value in node.items() if (plain := _plain(value)) is not ABSENT}
    if isinstance(node, list):
        return [plain for value in node if (plain := _plain(value)) is not ABSENT]
    return node


def substituted(node: object, leaves: Mapping[object, Expression]) -> object:
    """A tree with expressions instead of some leaves."""
    if isinstance(node, Choice):
        return Choice(node.condition, substituted(node.then, leaves), substituted(node.otherwise, leaves))
    if isinstance(node, Mapping):
        return {key: substituted(value, leaves) for key, value in node.items()}
    if isinstance(node, list):
        return [substituted(value, leaves) for value in node]
    return leaves.get(node, node) if isinstance(node, str) else node


def template(node: object) -> str:
    """A tree as YAML for Helm: literal braces are kept from its template language, and Choices are `if`s."""
    return "\n".join(_lines(node)) + "\n"


def _lines(node: object) -> Iterator[str]:
    if not _has_choice(node):
        yield from _dumped(node).split("\n")
    elif isinstance(node, Mapping):
        for key in sorted(node):
            yield from _chosen(node[key], partial(_entry, key))
    elif isinstance(node, list):
        for one in node:
            yield from _chosen(one, _item)
    else:
        raise TreeError(f"a choice without a key: {node}")


def _chosen(node: object, lines: Callable[[Any], Iterator[str]]) -> Iterator[str]:
    if not isinstance(node, Choice):
        yield from lines(node)
        return
    if node.then is ABSENT:
        yield f"{{{{- if not ({node.condition}) }}}}"
        yield from _chosen(node.otherwise, lines)
    else:
        yield f"{{{{- if {node.condition} }}}}"
        yield from lines(node.then)
        if node.otherwise is not ABSENT:
            yield "{{- else }}"
            yield from _chosen(node.otherwise, lines)
    yield "{{- end }}"


def _entry(key: str, value: object) -> Iterator[str]:
    if isinstance(value, Expression):
        yield f"{key}: {value}"
        return
    if not _has_choice(value):
        yield from _lines({key: value})
        return
    yield f"{_dumped({key: None}).removesuffix(' null')}"
    yield from (f"{' ' * INDENT}{line}" for line in _lines(value))


def _item(value: object) -> Iterator[str]:
    first, *rest = _lines(value)
    if first.startswith("{{-"):
        yield "-"
        yield from (f"{' ' * INDENT}{line}" for line in (first, *rest))
        return
    yield f"- {first}"
    yield from (f"{' ' * INDENT}{line}" for line in rest)


def _has_choice(node: object) -> bool:
    if isinstance(node, Choice | Expression):
        return True
    if isinstance(node, Mapping):
        return any(map(_has_choice, node.values()))
    return isinstance(node, list) and any(map(_has_choice, node))


def _dumped(node: object) -> str:
    return escaped(yaml.dump(node, Dumper=_Dumper, width=1000)).removesuffix("\n").removesuffix("\n...")


def escaped(text: str) -> str:
    """A text that Helm renders as itself."""
    return text.replace("{{", "\0").replace("}}", '{{ "}}" }}').replace("\0", '{{ "{{" }}')


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
