"""Differences between two JSON values: a merge patch (RFC 7386) that also reaches into lists and long texts.

A mapping in a patch is merged into that of the base, a null removes a key, and whatever else is given replaces what the
base has. Beyond the RFC, so that a small change is a small patch, and any JSON can be written:

a list of objects   may be patched by a mapping, if one of KEYS tells its objects apart; new ones go to the end
$like: KEY          in a new entry: it starts as that entry of the base, and the rest is merged into it
$lines: {N: TEXT}   replaces lines of a text, counted from 1
$replace: VALUE     is taken as it stands: for a mapping with nulls in it, or with keys that begin with `$`
"""

import json
from collections.abc import Mapping
from typing import Any

KEYS = (("kind", "name"), ("type",), ("name",), ("id",), ("recipe", "gpuCount"))
"""What tells the objects of a list apart: the first of these that all objects have, and no two alike."""
LIKE, LINES, REPLACE = "$like", "$lines", "$replace"
WORTH = 5
"""How many lines are saved at least where a new entry is written as `$like` another one; and half of them are."""


def apply(base: Any, patch: Any) -> Any:
    """`base` with `patch` laid over it; what is unchanged is shared. ValueError where the patch does not fit."""
    if not isinstance(patch, dict):
        return patch
    if REPLACE in patch:
        return patch[REPLACE]
    if isinstance(base, str) and LINES in patch:
        lines = base.split("\n")
        return "\n".join(patch[LINES].get(number, line) for number, line in enumerate(lines, 1))
    if isinstance(base, list) and (entries := _by_key(base, _keys(base))):
        return list(_merged(entries, patch).values())
    if isinstance(base, dict):
        return _merged(base, patch)
    raise ValueError(f"the base has {json.dumps(base)[:80]} where the patch has a mapping of {', '.join(patch)}")


def _merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    result = {key: value for key, value in base.items() if patch.get(key, value) is not None or key not in patch}
    for key, change in patch.items():
        if change is None:
            continue
        if isinstance(change, dict) and LIKE in change:
            rest = {name: value for name, value in change.items() if name != LIKE}
            result[key] = apply(base[change[LIKE]], rest)
        else:
            result[key] = apply(base.get(key, {}), change)
    return result


def difference(base: Any, value: Any) -> Any:
    """The patch that makes `value` of `base`, for any two JSON values."""
    if isinstance(value, dict):
        patch = _entries(base, value) if isinstance(base, dict) else None
        return {REPLACE: value} if patch is None else patch
    if isinstance(value, list) and isinstance(base, list) and (keys := _keys(base)):
        before, after = _by_key(base, keys), _by_key(value, keys)
        if before and after and [*before.keys() & after.keys()]:
            order = [*(key for key in before if key in after), *(key for key in after if key not in before)]
            if order == [*after] and (patch := _entries(before, after)) is not None:
                return patch
    if isinstance(value, str) and isinstance(base, str):
        return _lines(base, value)
    return value


def _entries(base: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any] | None:
    """The patch of a mapping; None where a key or a null of it cannot stand in a patch."""
    patch = {key: None for key in base if key not in value}
    for key, item in value.items():
        if key not in base:
            patch[key] = _new(base, item)
        elif not same(base[key], item):
            patch[key] = difference(base[key], item)
    nulls = any(change is None and key in value for key, change in patch.items())
    return None if nulls or any(key.startswith("$") for key in patch) else patch


def _new(base: Mapping[str, Any], item: Any) -> Any:
    """A new entry: as it is, or like the entry of the base that it has most in common with, if that is much."""
    plain = difference({}, item)
    alike = {key: other for key, other in base.items() if isinstance(other, type(item))}
    if not alike or not isinstance(item, (dict, str)) or (most := size(plain)) <= WORTH:
        return plain
    likes = [(key, difference(other, item)) for key, other in alike.items()]
    found = [(size(patch), key, patch) for key, patch in likes if isinstance(patch, dict) and REPLACE not in patch]
    least, key, patch = min(found, default=(most, "", {}), key=lambda one: one[0])
    return {LIKE: key, **patch} if least + WORTH <= most and 2 * least <= most else plain


def _lines(base: str, value: str) -> Any:
    """The lines that differ, if those are less than half of as many."""
    before, after = base.split("\n"), value.split("\n")
    changed = {number: line for number, line in enumerate(after, 1) if before[number - 1 : number] != [line]}
    return {LINES: changed} if len(before) == len(after) and 2 * len(changed) < len(after) else value


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: true is not 1, and 1 is not 1.0. Only equal ones are written for that."""
    return one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def size(value: Any) -> int:
    """About the lines that a value takes as YAML."""
    if isinstance(value, str):
        return 1 + value.count("\n")
    if not isinstance(value, (dict, list)):
        return 1
    inner = value.values() if isinstance(value, dict) else value
    return sum([size(item) + isinstance(item, (dict, list)) for item in inner]) or 1


def _keys(items: list[Any]) -> tuple[str, ...] | None:
    """The fields that tell the objects of a list apart."""
    return next((fields for fields in KEYS if _by_key(items, fields)), None)


def _by_key(items: list[Any], fields: tuple[str, ...] | None) -> dict[str, Any] | None:
    """The objects of a list by those fields; None where there are none, or not all of them have them, or two alike."""
    keys = [_key(item, fields or ()) for item in items]
    known = {key: item for key, item in zip(keys, items, strict=True) if key and not key.startswith("$")}
    return known if known and len(known) == len(items) else None


def _key(item: Any, fields: tuple[str, ...]) -> str:
    """`Deployment/chat` of an object with kind and name, be it in its metadata; empty where one is missing."""
    if not isinstance(item, dict):
        return ""
    named = item.get("metadata")
    found = [item.get(field, named.get(field) if isinstance(named, dict) else None) for field in fields]
    texts = [str(value) for value in found if isinstance(value, (str, int)) and not isinstance(value, bool)]
    return "/".join(texts) if len(texts) == len(fields) else ""
