"""Label selectors, compiled once into a function from labels to yes or no."""

from collections.abc import Callable, Mapping
from typing import Any

Matcher = Callable[[Mapping[str, str]], bool]


class InvalidSelectorError(ValueError):
    """A label selector that the API server would refuse too."""


def compile_selector(selector: Mapping[str, Any] | None) -> Matcher:
    """All of matchLabels and matchExpressions; no selector, like an empty one, matches everything."""
    selector = selector or {}
    requirements = [_equals(key, value) for key, value in (selector.get("matchLabels") or {}).items()]
    requirements += [_expression(expression) for expression in selector.get("matchExpressions") or ()]
    return lambda labels: all(requirement(labels) for requirement in requirements)


def _equals(key: str, value: str) -> Matcher:
    return lambda labels: labels.get(key) == value


def _expression(expression: Mapping[str, Any]) -> Matcher:
    key, operator = expression.get("key", ""), expression.get("operator")
    values = frozenset(expression.get("values") or ())
    if operator not in _OPERATORS:
        raise InvalidSelectorError(f"{operator!r} is not a valid label selector operator")
    takes_values, matcher = _OPERATORS[operator]
    if takes_values != bool(values):
        raise InvalidSelectorError(f"values must be {'given' if takes_values else 'empty'} for operator {operator!r}")
    return lambda labels: matcher(labels, key, values)


_OPERATORS: dict[str, tuple[bool, Callable[[Mapping[str, str], str, frozenset[str]], bool]]] = {
    "In": (True, lambda labels, key, values: labels.get(key) in values),
    "NotIn": (True, lambda labels, key, values: labels.get(key) not in values),
    "Exists": (False, lambda labels, key, _: key in labels),
    "DoesNotExist": (False, lambda labels, key, _: key not in labels),
}
