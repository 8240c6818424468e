"""Values of Helm as they count: several files and settings, of which the last one wins."""

import re
from collections.abc import Iterable
from typing import Any

from aimlib.api.meta import Raw
from aimlib.errors import InvalidInputError

STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,3})\]")
"""A key or a number in the path of a setting."""
WORDS = {"true": True, "false": False, "null": None}


def merge_values(above: Raw, below: Raw) -> Raw:
    """Values with those of a later file over them; maps are merged, and anything else is replaced."""
    merged = dict(above)
    for key, value in below.items():
        former = merged.get(key)
        merged[key] = merge_values(former, value) if isinstance(former, dict) and isinstance(value, dict) else value
    return merged


def set_values(values: Raw, settings: Iterable[str], *, as_text: bool = False) -> Raw:
    """Values with settings such as `a.b=1,c[0].d=x`. InvalidInputError for one that is none."""
    for setting in settings:
        for one in re.split(r"(?<!\\),", setting):
            path, equals, text = one.partition("=")
            steps = STEP.findall(path)
            if not equals or not steps:
                raise InvalidInputError(f"--set {path}: a setting is KEY=VALUE")
            keys: list[str | int] = [int(number) if number else key for key, number in steps]
            values = _placed(values, keys, _value(text.replace("\\,", ","), as_text=as_text))
    return values


def _placed(found: Any, keys: list[str | int], value: Any) -> Any:  # noqa: ANN401 - YAML
    if not keys:
        return value
    key, *rest = keys
    if isinstance(key, int):
        listed = list(found) if isinstance(found, list) else []
        listed += [None] * (key + 1 - len(listed))
        listed[key] = _placed(listed[key], rest, value)
        return listed
    former = found if isinstance(found, dict) else {}
    return {**former, key: _placed(former.get(key), rest, value)}


def _value(text: str, *, as_text: bool) -> Any:  # noqa: ANN401 - YAML
    if as_text:
        return text
    return WORDS[text] if text in WORDS else int(text) if re.fullmatch(r"-?\d{1,18}", text) else text
