"""Values of objects as kube-state-metrics finds, prints and counts them.

What its documentation says of paths and of type conversion; nothing of CEL and durations, which ours does not use:
https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/extend/customresourcestate-metrics.md
"""

import re
from datetime import datetime
from typing import Any

from kubernetes.utils.quantity import parse_quantity

WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0, "unknown": 0.0}
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
"""RFC 3339."""
LOOKUP = re.compile(r"\[([^=]*)=(.*)\]", re.DOTALL)


class NotANumberError(Exception):
    """A value that no metric can have; kube-state-metrics logs it and leaves the series out."""


class Beyond:
    """What an index behind the end of a list gives: something that has no fields and is not nil."""

    def __str__(self) -> str:
        return "list index out of range"


def at(found: Any, path: list[str]) -> Any:
    """The value at a path: keys, indices of lists, and `[key=value]` for the first such element; None where none is."""
    for step in path:
        if found is None:
            return None
        found = _element(found, lookup) if (lookup := LOOKUP.fullmatch(step)) else _field(found, step)
    return found


def _field(found: Any, step: str) -> Any:
    if isinstance(found, dict):
        key, equals, value = step.partition("=")
        return found[key] if equals and found.get(key) == value else found.get(step)
    if isinstance(found, list) and re.fullmatch(r"[+-]?\d+", step):
        index = int(step)
        return found[index] if -len(found) <= index < len(found) else Beyond()
    return None


def _element(found: Any, lookup: re.Match[str]) -> Any:
    if not isinstance(found, list):
        return None
    key, wanted = lookup.groups()
    return next((one for one in found if isinstance(one, dict) and key in one and _equal(one[key], wanted)), None)


def _equal(value: Any, wanted: str) -> bool:
    try:
        return value == wanted or number(value) == number(wanted)
    except NotANumberError:
        return False


def text(value: Any) -> str:
    """A value as a label has it: as Go prints it with %v."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, list):
        return f"[{' '.join(map(text, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{text(value[key])}' for key in sorted(value))}]"
    return str(value)


def number(value: Any) -> float:
    """A value as a metric has it: words, times in seconds since 1970, quantities, per cents, numbers."""
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, str):
        raise NotANumberError(f"expected number but was {text(value)}")
    if value.lower() in WORDS:
        return WORDS[value.lower()]
    if TIME.fullmatch(value):
        return float(int(datetime.fromisoformat(value).timestamp()))
    try:
        return float(parse_quantity(value))
    except ValueError:
        pass
    try:
        return float(value[:-1]) / 100 if value.endswith("%") else float(value)
    except ValueError:
        raise NotANumberError(f"{value!r} is no number") from None
