"""Whether the response to a sync makes Metacontroller write anything: what does not is no news."""

from typing import Any

from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observed import find_child, kind_key

ADDED = "observedGeneration"
"""The field of a status that Metacontroller sets itself."""


def writes_nothing(request: Request, response: dict[str, Any]) -> bool:
    """Whether status and children are observed as they are returned; a response without them has none to write."""
    status = response.get("status")
    if status is not None and _as_written(status) != _as_written(request.parent.get("status")):
        return False
    returned = [response[field] for field in ("children", "attachments") if response.get(field) is not None]
    return all(_keeps_all(request, children) for children in returned) and all(
        _holds(_observed(request, child), child) for children in returned for child in children
    )


def _keeps_all(request: Request, children: list[dict[str, Any]]) -> bool:
    """Whether every observed child is returned: the others are deleted."""
    named = {(kind_key(child), child["metadata"]["name"]) for child in children}
    found = ((kind, one["metadata"]["name"]) for kind, group in request.children.items() for one in group.values())
    return named.issuperset(found)


def _as_written(status: object) -> object:
    return {key: value for key, value in status.items() if key != ADDED} if isinstance(status, dict) else {}


def _observed(request: Request, child: dict[str, Any]) -> object:
    """The observed child of that name; the keys of children that are in a namespace have it, too."""
    return find_child(request.children, kind_key(child), child["metadata"]["name"])


def _holds(observed: object, desired: object) -> bool:
    """Whether `observed` has everything that is desired; the API server adds defaults to objects, also in lists."""
    if observed == desired:  # so is most of what is below, too
        return True
    if isinstance(desired, dict) and isinstance(observed, dict):
        return all(
            key in observed and (observed[key] == value or _holds(observed[key], value))
            for key, value in desired.items()
        )
    if isinstance(desired, list | tuple) and isinstance(observed, list):
        return len(observed) == len(desired) and all(map(_holds, observed, desired))
    return False
