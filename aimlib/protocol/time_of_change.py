"""When what a sync finds changed has happened: by the times of what it observes, which are the same for each who looks.

A request may have a status from before our own last write. A second response to the same event must then have the same
time as the first, so the time is that of an observed event, and of the clock where no observed event is recent.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from aimlib.kube.timestamp import format_timestamp, is_written_time
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observed import last_changed

RECENT = timedelta(seconds=5)
"""How old the event behind a change may be: the hook is called within milliseconds of it, or after a backoff."""


def time_of_change(request: Request) -> str:
    """The time of what changes in this sync; of a parent without a condition so far, when it was last changed.

    Times that are none, such as those of a status that somebody edits, count as absent.
    """
    now = format_timestamp(request.now)
    changed_at = last_changed(request.parent)
    conditions = (request.parent.get("status") or {}).get("conditions") or ()
    times_before = [*filter(is_written_time, (one.get("lastTransitionTime") for one in conditions))]
    if not times_before:
        return changed_at or now
    observed = next(filter(is_written_time, sorted({*_observed_times(request)}, reverse=True)), "")
    latest = max((observed, *times_before, changed_at or ""))
    recent = timedelta(0) <= request.now - datetime.fromisoformat(latest) <= RECENT
    return latest if recent else now


def _observed_times(request: Request) -> Iterator[str]:
    """The times of observed events that may have caused a change, and whatever stands in their place."""
    for group in request.related.values():
        for one in group.values():
            writes = one["metadata"].get("managedFields") or ()
            yield from (text for write in writes if isinstance(text := write.get("time"), str))
    for group in request.children.values():
        for one in group.values():
            conditions = (one.get("status") or {}).get("conditions") or ()
            yield from (text for found in conditions if isinstance(text := found.get("lastTransitionTime"), str))
