"""What others have added to the children of an endpoint by hand, by the field managers that the API server records.

Metacontroller puts back what it applied, and keeps what others add: an environment variable, a sidecar, a node. So that
stays beside the endpoint, which does not show it.
"""

import json
from collections.abc import Iterable, Iterator

from aimlib.api.meta import Raw
from aimlib.printable import printable
from aimlib.protocol.last_applied import LAST_APPLIED
from aimlib.protocol.observed import ChildState

KINDS_BY_HAND = frozenset({"Deployment", "LeaderWorkerSet", "Service"})
"""Kinds into whose specs nobody else writes, as autoscalers and provisioners do into those of others."""
CONTROLLERS = frozenset({"metacontroller", "kube-controller-manager", "kube-apiserver"})
"""Field managers that are no person's: under server-side apply, no annotation tells which one is Metacontroller's."""
RESTART = "kubectl.kubernetes.io/restartedAt"
"""The annotation of `kubectl rollout restart`, which is a way to restart and no drift."""
LISTED_FIELDS = 5
"""Most fields that a warning names."""
FIELD_LENGTH, MANAGER_LENGTH = 200, 128
"""Characters of a field's path and of a manager's name: both are anybody's text."""
DEEPEST = 16
"""Levels of fields that are read."""


def drift_warnings(states: Iterable[ChildState]) -> Iterator[str]:
    """A warning for each child that has what is not desired of it, by whoever added it."""
    for state in states:
        if state.observed and state.desired["kind"] in KINDS_BY_HAND:
            added = _added(state.observed["metadata"], state.desired)
            fields = sorted({path for _, path in added})
            if fields:
                more = f" and {len(fields) - LISTED_FIELDS} more" if len(fields) > LISTED_FIELDS else ""
                managers = ", ".join(sorted({manager for manager, _ in added})[:LISTED_FIELDS])
                listed = ", ".join(fields[:LISTED_FIELDS])
                yield (
                    f"{state.name} was changed by hand ({managers}): {listed}{more}; it stays until it is removed "
                    f"there, and the endpoint does not show it"
                )


def _added(metadata: Raw, desired: Raw) -> list[tuple[str, str]]:
    """Field managers and the paths that they own in the spec of a child, and that are not desired."""
    entries = [one for one in metadata.get("managedFields") or () if isinstance(one, dict)]
    return [
        (printable(str(one.get("manager")), MANAGER_LENGTH), printable(path, FIELD_LENGTH))
        for one in entries
        if not one.get("subresource") and one.get("manager") not in CONTROLLERS and not _applies(one)
        for path in _undesired(_fields(one).get("f:spec"), desired["spec"])
    ]


def _fields(entry: Raw) -> Raw:
    found = entry.get("fieldsV1")
    return found if isinstance(found, dict) else {}


def _applies(entry: Raw) -> bool:
    """Whether the manager is Metacontroller's: it owns the record of what was applied."""
    found: object = _fields(entry)
    for step in ("f:metadata", "f:annotations", f"f:{LAST_APPLIED}"):
        found = found.get(step) if isinstance(found, dict) else None
    return found is not None


def _undesired(owned: object, desired: object, path: str = "", levels: int = DEEPEST) -> Iterator[str]:
    """The paths in a set of owned fields (FieldsV1 of Kubernetes) that the desired value does not have."""
    for key, inner in owned.items() if isinstance(owned, dict) and levels else ():
        kind, _, name = key.partition(":")
        if kind == "f" and isinstance(desired, dict) and name != RESTART:
            where = f"{path}.{name}" if path else name
            yield from _undesired(inner, desired[name], where, levels - 1) if name in desired else (where,)
        elif kind == "k" and isinstance(desired, list):
            item = _item(name, desired)
            where = f"{path}[{_label(name)}]"
            yield from (where,) if item is None else _undesired(inner, item, where, levels - 1)


def _keys(text: str) -> Raw:
    """The fields by which an item of a list is known, such as its name."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _item(text: str, desired: list[Raw]) -> Raw | None:
    keys = _keys(text)
    items = (item for item in desired if isinstance(item, dict))
    return next((item for item in items if all(item.get(key) in (value, None) for key, value in keys.items())), None)


def _label(text: str) -> str:
    return ", ".join(str(value) for value in _keys(text).values())
