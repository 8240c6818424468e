"""Times by the clock: when a schedule of cron, in a time zone, comes next."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from aimlib.errors import InvalidInputError

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
TRIED_TIMES = 60
"""Times of a schedule from which its shortest distance is taken."""
TRIED_FROM, TRIED_UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
"""A schedule of one day in 28 years takes long to look through, so that no more than two times come from later years.
"""


class ScheduleError(InvalidInputError):
    """A schedule that names no time."""


def time_zone(name: str) -> tzinfo:
    """A time zone of IANA's database; ScheduleError where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(f"there is no time zone {name!r}") from None


def next_time(cron: str, zone: str, after: datetime) -> datetime:
    """The first time of a schedule after a moment, in UTC; ScheduleError where it names none.

    A time that the clock leaves out, as in spring, comes when the clock goes on; one that it has twice, the first time.
    """
    return next(times(cron, zone, after))


def times(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    """All times of a schedule after a moment, in UTC: each that cronsim takes has one within forty years."""
    try:
        found = CronSim(NAMED_SCHEDULES.get(cron, cron).replace("?", "*"), after.astimezone(time_zone(zone)))
    except CronSimError as error:
        raise ScheduleError(f"{cron!r} is no schedule: {error}") from None
    # In the hour that autumn has twice, the next time by the clock may be one that has been.
    return (time for time in (one.astimezone(UTC) for one in found) if time > after)


@lru_cache(maxsize=4096)
def shortest_distance(cron: str, zone: str) -> int:
    """Seconds between two times of a schedule, the fewest among some of them."""
    found = times(cron, zone, TRIED_FROM)
    first = [*islice(found, 2)]
    more = takewhile(lambda time: time < TRIED_UNTIL, islice(found, TRIED_TIMES - len(first)))
    tried = first if first[-1] >= TRIED_UNTIL else [*first, *more]
    return round(min((later - earlier).total_seconds() for earlier, later in pairwise(tried)))
