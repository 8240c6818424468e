"""dynamic-apply: the three-way merge between what was applied last, what is wished now and what is there.

It knows no types. A list is merged item by item when every item, in all three versions, has one of MERGE_KEYS;
else the wished list replaces the one that is there, server defaults included.
"""

import json
from typing import Any

from .objects import Object, annotations, clone

LAST_APPLIED = "metacontroller.k8s.io/last-applied-configuration"

# in order of precedence
MERGE_KEYS = ("containerPort", "port", "mountPath", "name", "uid", "ip", "path")

# the API server's own fields: wishing for them changes nothing and must not look like a difference
SYSTEM_FIELDS = (
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def applied(observed: Object, desired: Object) -> Object:
    """The object to write: `observed` with `desired` merged in; equal to `observed` when there is nothing to do."""
    desired = without_last_applied(desired)
    merged = _merge(clone(observed), last_applied(observed), desired)
    before, after = observed["metadata"], merged["metadata"]
    for field in SYSTEM_FIELDS:
        _restore(field, before, after)
    _restore("status", observed, merged)
    return with_last_applied(merged, desired)


def last_applied(observed: Object) -> Object:
    return json.loads(annotations(observed).get(LAST_APPLIED) or "{}")


def with_last_applied(obj: Object, desired: Object) -> Object:
    """`obj` carrying `desired` in its annotation; sorted, compact and escaped as Go marshals a map."""
    text = json.dumps(desired, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), LAST_APPLIED: text}}}


def without_last_applied(obj: Object) -> Object:
    """A hook that echoes an observed child must not nest the annotation in itself."""
    if LAST_APPLIED not in annotations(obj):
        return obj
    kept = {key: value for key, value in annotations(obj).items() if key != LAST_APPLIED}
    return {**obj, "metadata": {**obj["metadata"], "annotations": kept}}


def _restore(field: str, before: Object, after: Object) -> None:
    if field in before:
        after[field] = before[field]
    else:
        after.pop(field, None)


def _merge(there: Any, last: Any, wished: Any) -> Any:
    if isinstance(there, dict):
        return _merge_objects(there, _or_empty(last, dict), _or_empty(wished, dict))
    if isinstance(there, list):
        lists = (there, _or_empty(last, list), _or_empty(wished, list))
        merge_key = _merge_key(*lists)
        return _merge_lists(merge_key, *lists) if merge_key else wished
    return wished


def _or_empty(value: Any, kind: type) -> Any:
    return value if isinstance(value, kind) else kind()


def _merge_objects(there: Object, last: Object, wished: Object) -> Object:
    for key in last.keys() - wished.keys():
        there.pop(key, None)
    for key, value in wished.items():
        there[key] = _merge(there.get(key), last.get(key), value)
    return there


def _merge_lists(merge_key: str, there: list[Any], last: list[Any], wished: list[Any]) -> list[Any]:
    def by_key(items: list[Any]) -> Object:
        return {str(item[merge_key]): item for item in items}

    merged = _merge_objects(by_key(there), by_key(last), by_key(wished))
    # what was there keeps its place, what is new comes behind it
    order = dict.fromkeys(str(item[merge_key]) for item in (*there, *wished))
    return [merged[key] for key in order if key in merged]


def _merge_key(*lists: list[Any]) -> str | None:
    items = [item for items in lists for item in items]
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    return next((key for key in MERGE_KEYS if all(key in item for item in items)), None)
