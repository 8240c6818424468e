"""Times of conditions: set at the edge and only on a transition, since a status with a moving time never settles.

A request may carry a status from before our own last write. A second answer to the same transition must then have the
same time as the first, so a time is taken from what is observed, and from the clock where nothing observed is recent.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from aimlib.api.meta import Raw
from aimlib.kube.timestamp import format_timestamp
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observed import last_changed

RECENT = timedelta(seconds=5)
"""How far back the cause of a transition may lie: the hook is called within milliseconds of it, or after a back-off."""


def _evidence(request: Request) -> Iterator[str]:
    """The times at which something happened that a status may follow from."""
    for group in request.related.values():
        for one in group.values():
            yield from (write["time"] for write in one["metadata"].get("managedFields") or () if "time" in write)
    for group in request.children.values():
        for one in group.values():
            conditions = (one.get("status") or {}).get("conditions") or ()
            yield from (
                condition["lastTransitionTime"] for condition in conditions if "lastTransitionTime" in condition
            )


def _moment(request: Request, known: dict[str, str]) -> str:
    """The time of a transition that this request shows."""
    now = format_timestamp(request.now)
    asked = last_changed(request.parent)
    if not known:
        return asked or now
    latest = max((*_evidence(request), *known.values(), *([asked] if asked else [])))
    recent = timedelta(0) <= request.now - datetime.fromisoformat(latest) <= RECENT
    return latest if recent else now


def _state(condition: Raw) -> tuple[str, str | None, bool]:
    """What a transition is a change of. To stop and to start again is one, though neither is Ready."""
    return condition["type"], condition.get("status"), condition.get("reason") == "Stopped"


def stamp(status: Raw, request: Request) -> Raw:
    """`status` with lastTransitionTime in its conditions: the earlier one while a condition's state stands."""
    if "conditions" not in status:
        return status
    before = (request.parent.get("status") or {}).get("conditions") or ()
    known = {one["type"]: one["lastTransitionTime"] for one in before if one.get("lastTransitionTime")}
    stands = {_state(one) for one in before if one["type"] in known}
    new = {one["type"] for one in status["conditions"] if _state(one) not in stands}
    moment = _moment(request, known) if new else ""
    times = known | dict.fromkeys(new, moment)
    stamped = [{**one, "lastTransitionTime": times[one["type"]]} for one in status["conditions"]]
    return {**status, "conditions": stamped}
