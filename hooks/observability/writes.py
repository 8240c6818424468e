"""Whether the response to a sync makes Metacontroller write anything: what does not is no news."""

from typing import Any

from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observed import kind_key

ADDED = "observedGeneration"
"""The field of a status that Metacontroller sets itself."""


def writes_nothing(request: Request, response: dict[str, Any]) -> bool:
    """Whether status and children are observed as they are returned; a response without them has none to write."""
    status = response.get("status")
    return (status is None or _as_written(status) == _as_written(request.parent.get("status"))) and all(
        _holds(_observed(request, child), child)
        for field in ("children", "attachments")
        for child in response.get(field) or ()
    )


def _as_written(status: object) -> object:
    return {key: value for key, value in status.items() if key != ADDED} if isinstance(status, dict) else {}


def _observed(request: Request, child: dict[str, Any]) -> object:
    return request.children.get(kind_key(child), {}).get(child["metadata"]["name"])


def _holds(observed: object, desired: object) -> bool:
    """Whether `observed` has everything that is desired; the API server adds defaults to objects, also in lists."""
    if isinstance(desired, dict):
        found = observed if isinstance(observed, dict) else {}
        return all(_holds(found.get(key), value) for key, value in desired.items())
    if isinstance(desired, list | tuple):
        return isinstance(observed, list) and len(observed) == len(desired) and all(map(_holds, observed, desired))
    return observed == desired
