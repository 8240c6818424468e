"""Alternative spellings of fields: short and earlier paths, and the one path that each stands for."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aimlib.api.base import FieldRule

FieldPath = tuple[str, ...]
MISSING: Any = object()


class Spelling(NamedTuple):
    """A field path that means the same as another."""

    path: FieldPath
    means: FieldPath


def spelling(path: str, means: str) -> Spelling:
    """From dotted paths below `spec`."""
    return Spelling(tuple(path.split(".")), tuple(means.split(".")))


def lookup(raw: Mapping[str, Any], path: FieldPath) -> Any:  # noqa: ANN401 - JSON
    """The value at `path`, or MISSING."""
    value: Any = raw
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return MISSING
        value = value[key]
    return value


def _placed(raw: Mapping[str, Any], path: FieldPath, value: object) -> dict[str, Any]:
    head, *rest = path
    if not rest:
        return {**raw, head: value}
    inner = raw.get(head, {})
    if not isinstance(inner, Mapping):
        return dict(raw)  # the field's own type reports what is wrong
    return {**raw, head: _placed(inner, tuple(rest), value)}


def _without(raw: Mapping[str, Any], path: FieldPath) -> dict[str, Any]:
    head, *rest = path
    left = _without(raw[head], tuple(rest)) if rest else {}
    others = {key: value for key, value in raw.items() if key != head}
    return {**others, head: left} if left else others


def one_spelling(raw: Mapping[str, Any], table: tuple[Spelling, ...]) -> dict[str, Any]:
    """`raw` with every value at the path that its spelling means."""
    result = dict(raw)
    for path, means in table:
        value = lookup(result, path)
        if value is not MISSING:
            result = _placed(_without(result, path), means, value)
    return result


def _cel_has(path: FieldPath) -> str:
    """CEL that is true when every step of the path is there."""
    steps = [f"has(self.{'.'.join(path[: depth + 1])})" for depth in range(len(path))]
    return " && ".join(steps)


def agreement(table: tuple[Spelling, ...]) -> Iterator[FieldRule]:
    """One rule for each pair of spellings: values that are set twice must be equal."""
    for path, means in _pairs(table):
        left, right = ".".join(path), ".".join(means)
        yield FieldRule(
            f"!({_cel_has(path)} && {_cel_has(means)}) || self.{left} == self.{right}",
            f"{left} and {right} are the same setting and have different values; keep one",
            lambda raw, path=path, means=means: (  # type: ignore[misc]
                MISSING in (first := lookup(raw, path), second := lookup(raw, means)) or first == second
            ),
        )


def _pairs(table: tuple[Spelling, ...]) -> Iterator[tuple[FieldPath, FieldPath]]:
    """Every pair of paths with one meaning, the meaning itself included."""
    for index, (path, means) in enumerate(table):
        yield path, means
        yield from ((path, other.path) for other in table[index + 1 :] if other.means == means)
