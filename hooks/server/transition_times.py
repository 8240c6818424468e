"""Sets lastTransitionTime of conditions, on transitions only: a timestamp that changes on every sync causes a hot loop.

A request may have a status from before our own last write. A second response to the same transition must then have the
same time as the first, so the time is that of an observed event, and of the clock where no observed event is recent.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from aimlib.api.meta import Raw
from aimlib.kube.timestamp import format_timestamp, is_time
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observed import last_changed
from aimlib.protocol.reasons import RESTING

RECENT = timedelta(seconds=5)
"""How old the event behind a transition may be: the hook is called within milliseconds of it, or after a backoff."""


def _observed_times(request: Request) -> Iterator[str]:
    """The times of observed events that may have caused a transition."""
    for group in request.related.values():
        for one in group.values():
            yield from filter(is_time, (write.get("time") for write in one["metadata"].get("managedFields") or ()))
    for group in request.children.values():
        for one in group.values():
            conditions = (one.get("status") or {}).get("conditions") or ()
            yield from filter(is_time, (condition.get("lastTransitionTime") for condition in conditions))


def _transition_time(request: Request, times_before: dict[str, str]) -> str:
    """The time of a transition in this sync."""
    now = format_timestamp(request.now)
    changed_at = last_changed(request.parent)
    if not times_before:
        return changed_at or now
    latest = max((*_observed_times(request), *times_before.values(), *([changed_at] if changed_at else [])))
    recent = timedelta(0) <= request.now - datetime.fromisoformat(latest) <= RECENT
    return latest if recent else now


def _comparable(condition: Raw) -> tuple[str, str | None, bool]:
    """The parts of a condition whose change is a transition. A stop and a restart is one, though neither is Ready."""
    return condition.get("type", ""), condition.get("status"), condition.get("reason") in RESTING


def with_transition_times(status: Raw, request: Request) -> Raw:
    """`status` with lastTransitionTime in its conditions; the former one where a condition has not changed."""
    if "conditions" not in status:
        return status
    before = (request.parent.get("status") or {}).get("conditions") or ()
    times_before = {one.get("type", ""): one["lastTransitionTime"] for one in before if one.get("lastTransitionTime")}
    unchanged = {_comparable(one) for one in before if one.get("type", "") in times_before}
    changed = {condition["type"] for condition in status["conditions"] if _comparable(condition) not in unchanged}
    transition_time = _transition_time(request, times_before) if changed else ""
    times = times_before | dict.fromkeys(changed, transition_time)
    conditions = [{**one, "lastTransitionTime": times[one["type"]]} for one in status["conditions"]]
    return {**status, "conditions": conditions}
