"""What is known ahead: times at which an endpoint has at least so many replicas, by schedules of cron."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import NamedTuple

from aimlib.api.schedule import LONGEST_TIME_SECONDS
from aimlib.kube.cron import ScheduleError, next_time, times

MOST_TIMES = 100_000
"""That are counted in a span of time; a schedule of every minute has so many in ten weeks."""


class ScheduleEntry(NamedTuple):
    """From each time of a schedule on, for so long."""

    cron: str
    seconds: int
    min_replicas: int
    time_zone: str = "Etc/UTC"
    """As in the database of IANA; the clock changes with it, and a time that this leaves out begins with the change."""


class ScheduledTime(NamedTuple):
    """One time of a schedule: the one that a moment is in, else the next."""

    entry: ScheduleEntry
    begins: datetime
    ends: datetime

    def applies(self, now: datetime) -> bool:
        """Whether a moment is in it."""
        return self.begins <= now

    def changes(self, now: datetime) -> datetime:
        """When it next begins or ends."""
        return self.ends if self.applies(now) else self.begins


def scheduled_times(entries: Iterable[ScheduleEntry], now: datetime) -> list[ScheduledTime]:
    """Of each entry the time that a moment is in, else the next; the one that decides first.

    That is the one with the most replicas of those that apply, else the one that begins first. ScheduleError where an
    entry names no time.
    """

    def order(one: ScheduledTime) -> tuple[int, int, float]:
        applies = one.applies(now)
        return (0, -one.entry.min_replicas, -one.ends.timestamp()) if applies else (1, 0, one.begins.timestamp())

    return sorted((_time(entry, now) for entry in entries), key=order)


def _time(entry: ScheduleEntry, now: datetime) -> ScheduledTime:
    lasts = _length(entry)
    begins = next_time(entry.cron, entry.time_zone, now - lasts)
    return ScheduledTime(entry, begins, begins + lasts)


def scheduled_replicas(times_of_schedule: Iterable[ScheduledTime], now: datetime) -> int:
    """The least number of replicas at a moment: the largest of those that apply; 0 where none does."""
    return max((one.entry.min_replicas for one in times_of_schedule if one.applies(now)), default=0)


def scheduled_over(entries: Iterable[ScheduleEntry], begin: datetime, steps: int, step_seconds: int) -> list[int]:
    """The least number of replicas for each step of a span of time."""
    found = [0] * steps
    end = begin + timedelta(seconds=steps * step_seconds)
    for entry in entries:
        for start in _starts(entry, begin, end):
            until = start + _length(entry)
            first, last = (math.ceil((moment - begin).total_seconds() / step_seconds) for moment in (start, until))
            for at in range(max(first, 0), min(last, steps)):
                found[at] = max(found[at], entry.min_replicas)
    return found


def _starts(entry: ScheduleEntry, begin: datetime, end: datetime) -> Sequence[datetime]:
    """The starts of times that reach into the span."""
    found = times(entry.cron, entry.time_zone, begin - _length(entry))
    return [*islice(takewhile(lambda start: start < end, found), MOST_TIMES)]


def _length(entry: ScheduleEntry) -> timedelta:
    if not 0 < entry.seconds <= LONGEST_TIME_SECONDS:
        raise ScheduleError(f"a time of a schedule lasts from a second to seven days, not {entry.seconds} seconds")
    return timedelta(seconds=entry.seconds)
