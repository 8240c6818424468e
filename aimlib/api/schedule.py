"""Times at which an AIMEndpoint has at least so many replicas: what a spec states, and what its status tells."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from aimlib.api import formats
from aimlib.api.base import Model, Text, Timestamp
from aimlib.kube.cron import ScheduleError, shortest_distance, time_zone
from aimlib.kube.duration import format_duration, parse_duration

LONGEST_TIME_SECONDS = 7 * 24 * 3600
"""Of one time of a schedule: it is looked for so far back."""


def _known_zone(name: str) -> str:
    time_zone(name)
    return name


class ScalingSchedule(Model):
    """From each time of a schedule on, for so long."""

    cron: Annotated[str, formats.CRON.field]
    """When the time begins, in cron format, such as 0 8 * * 1-5."""
    time_zone: Annotated[str, formats.TIME_ZONE.field, AfterValidator(_known_zone)] = "Etc/UTC"
    """Whose clock that is, summer time included: a time zone of IANA's database, such as Europe/Berlin."""
    duration: Annotated[str, formats.DURATION.field]
    """How long it lasts, such as 10h: seven days at most, and no longer than until it begins again."""
    min_replicas: Annotated[int, Field(ge=1, le=1000)]
    """The fewest replicas meanwhile. An endpoint that is stopped or suspended stays so."""

    @model_validator(mode="after")
    def _ends_before_it_begins_again(self) -> Self:
        lasts, apart = self.seconds, shortest_distance(self.cron, self.time_zone)
        if not 0 < lasts <= LONGEST_TIME_SECONDS:
            raise ScheduleError(f"duration is from a second to seven days, not {self.duration}")
        if lasts > apart:
            again = f"{self.cron} begins again after {format_duration(apart)}"
            raise ScheduleError(f"{again}, before {format_duration(lasts)} are over: state a shorter duration")
        return self

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return parse_duration(self.duration)


class ScheduledReplicas(Model):
    """One time of the schedule."""

    min_replicas: int
    """The fewest replicas meanwhile."""
    cron: Text
    """The entry of the schedule that it is of."""
    time_zone: Text
    """Whose clock that is."""
    applies: bool
    """Whether it counts now."""
    begins: Timestamp
    """When it begins."""
    ends: Timestamp
    """When it ends."""
