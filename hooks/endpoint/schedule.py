"""The schedule of an endpoint: the times that are or come next, what its status tells, and when to look again."""

import math
from collections.abc import Sequence
from datetime import datetime

from aimlib.api.schedule import ScheduledReplicas
from aimlib.kube.timestamp import format_timestamp
from aimlib.scaling.schedule import ScheduledTime, ScheduleEntry, scheduled_times
from hooks.endpoint.world import World

LOOKS_SECONDS = (3600, 600, 60)
"""The largest that fits twice into the time that is left is when to look again."""


def times_of_schedule(world: World) -> tuple[ScheduledTime, ...]:
    """The time of each entry, the one that decides first; none while the endpoint is suspended."""
    stated = world.spec.scaling.schedule if world.spec.scaling and not world.spec.suspend else ()
    entries = [ScheduleEntry(one.cron, one.seconds, one.min_replicas, one.time_zone) for one in stated]
    return tuple(scheduled_times(entries, world.now))


def scheduled_status(times: Sequence[ScheduledTime], now: datetime) -> ScheduledReplicas | None:
    """The time that decides now, else the next; None where there is none."""
    if not times:
        return None
    first = times[0]
    return ScheduledReplicas(
        min_replicas=first.entry.min_replicas,
        cron=first.entry.cron,
        time_zone=first.entry.time_zone,
        applies=first.applies(now),
        begins=format_timestamp(first.begins),
        ends=format_timestamp(first.ends),
    )


def schedule_resync_seconds(times: Sequence[ScheduledTime], now: datetime) -> int:
    """Seconds until the next look at the schedule, since no event tells that a time begins or ends; 0 without one.

    Round numbers while that is far off, and to the second at last: a clock that was set is noticed within the hour.
    """
    if not times:
        return 0
    left = max(math.ceil((min(one.changes(now) for one in times) - now).total_seconds()), 1)
    return next((step for step in LOOKS_SECONDS if 2 * step <= left), left)
