"""What is known ahead: times at which an endpoint has at least so many replicas, by schedules of cron."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from aimlib.errors import InvalidInputError

LONGEST_TIME_SECONDS = 7 * 24 * 3600
"""Of one time: it is looked for so far back."""
NAMED_SCHEDULES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""What CronJobs take, too (source: robfig/cron v3, parser.go)."""
MOST_TIMES = 100_000
"""That are counted in a span of time; a schedule of every minute has so many in ten weeks."""


class ScheduleError(InvalidInputError):
    """A schedule that names no time."""


class ScheduleEntry(NamedTuple):
    """From each time of a schedule on, for so long."""

    cron: str
    seconds: int
    min_replicas: int
    time_zone: str = "Etc/UTC"
    """As in the database of IANA; the clock changes with it, and a time that this leaves out begins with the change."""


def scheduled_replicas(entries: Iterable[ScheduleEntry], now: datetime) -> int:
    """The least number of replicas at a moment: the largest of those that apply; 0 where none does."""
    return max(scheduled_over(entries, now, 1, 60), default=0)


def scheduled_over(entries: Iterable[ScheduleEntry], begin: datetime, steps: int, step_seconds: int) -> list[int]:
    """The same for each step of a time."""
    found = [0] * steps
    end = begin + timedelta(seconds=steps * step_seconds)
    for entry in entries:
        if not 0 < entry.seconds <= LONGEST_TIME_SECONDS:
            raise ScheduleError(f"a time of a schedule lasts from a second to seven days, not {entry.seconds} seconds")
        for start in _starts(entry, begin, end):
            until = start + timedelta(seconds=entry.seconds)
            first, last = (math.ceil((moment - begin).total_seconds() / step_seconds) for moment in (start, until))
            for at in range(max(first, 0), min(last, steps)):
                found[at] = max(found[at], entry.min_replicas)
    return found


def _starts(entry: ScheduleEntry, begin: datetime, end: datetime) -> Sequence[datetime]:
    """The starts of times that reach into the span."""
    zone, since = _zone(entry.time_zone), begin - timedelta(seconds=entry.seconds)
    try:
        starts = CronSim(NAMED_SCHEDULES.get(entry.cron, entry.cron), since.astimezone(zone))
        found = takewhile(lambda start: start < end, (one.astimezone(UTC) for one in starts))
        return [start for start, _ in zip(found, range(MOST_TIMES), strict=False)]
    except CronSimError as error:
        raise ScheduleError(f"{entry.cron!r} is no schedule: {error}") from None


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(f"there is no time zone {name!r}") from None
