"""The policies that a replay compares: fixed targets, headroom and load of the own past, and a schedule."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from aimlib.scaling.replay import AHEAD, Ahead, ReplayOutcome, replay, smoothed
from aimlib.scaling.traffic import STEP_SECONDS

ACCEPTED = 0.005
"""Overload that is accepted: one request in two hundred."""
LEAST_TARGET, MOST_TARGET = 40, 95
"""Bounds of a target that is computed, in percent."""
STEP_PERCENT = 5
USUAL_TARGET = 80
FIXED = (60, 70, 80, 90)
DAY = 24 * 3600 // STEP_SECONDS
PAST_DAYS = 3
"""Days of the own past from which a target is computed, each day anew."""
PERIODS = {"1d": DAY, "7d": 7 * DAY}


class Replayed(NamedTuple):
    """One policy with its outcome."""

    name: str
    outcome: ReplayOutcome
    anticipates: str = ""
    """How long ago the load was that it prepares for, where it does."""
    fixed: bool = False
    """Whether it is a target alone, the same at all times."""

    @property
    def keeps(self) -> bool:
        """Whether its overload is accepted."""
        return self.outcome.overload <= ACCEPTED


def compared(loads: Sequence[float], startup_seconds: float, scheduled: Sequence[int] = ()) -> Iterator[Replayed]:
    """Each policy for a load by the minute; `scheduled` are the least replicas of each minute, where there are any."""
    for percent in FIXED:
        yield Replayed(f"fixed {percent} %", _replay(loads, startup_seconds, [percent]), fixed=True)
    fitting = highest_target(loads, startup_seconds)
    outcome = _replay(loads, startup_seconds, [fitting])
    yield Replayed(f"fixed {fitting} %, the highest that would have done", outcome, fixed=True)
    yield Replayed("headroom from the own past", _replay(loads, startup_seconds, daily_targets(loads, startup_seconds)))
    for name, period in PERIODS.items():
        if len(loads) > period:
            ahead = anticipated(loads, period, startup_seconds)
            outcome = _replay(loads, startup_seconds, [USUAL_TARGET], ahead)
            yield Replayed(f"{USUAL_TARGET} %, and the load of {name} ago", outcome, anticipates=name)
    if scheduled:
        ahead = Ahead(replicas=lambda at: scheduled[at])
        yield Replayed(f"{USUAL_TARGET} %, and the schedule", _replay(loads, startup_seconds, [USUAL_TARGET], ahead))


def instead(one: Replayed, all_of_them: Iterable[Replayed]) -> Replayed | None:
    """The cheapest fixed target that has no more overload than a policy and costs no more; None where it helps."""
    found = (other for other in all_of_them if other.fixed and other.outcome.overload <= one.outcome.overload)
    cheapest = min(found, key=lambda other: other.outcome.cost, default=None)
    return cheapest if cheapest and cheapest.outcome.cost <= one.outcome.cost else None


def highest_target(loads: Sequence[float], startup_seconds: float) -> int:
    """The highest target with an overload that is accepted, in percent; the least one where there is none."""
    for percent in range(MOST_TARGET, LEAST_TARGET, -STEP_PERCENT):
        if _replay(loads, startup_seconds, [percent]).overload <= ACCEPTED:
            return percent
    return LEAST_TARGET


def daily_targets(loads: Sequence[float], startup_seconds: float) -> list[int]:
    """The target of each day by the days before it; the usual one while there are none."""
    days = range(1, (len(loads) - 1) // DAY + 1)
    past = (loads[max(day - PAST_DAYS, 0) * DAY : day * DAY] for day in days)
    return [USUAL_TARGET, *(highest_target(one, startup_seconds) for one in past)]


def anticipated(loads: Sequence[float], period: int, startup_seconds: float) -> Ahead:
    """The load of a period ago, as it was the start-up time later: what PromQL's offset alone gives a trigger."""
    seen, delay = smoothed(loads), round(startup_seconds / STEP_SECONDS)

    def load(at: int) -> float:
        then = at - period + delay
        return seen[min(then, at)] if then >= 0 else 0.0

    return Ahead(load=load)


def _replay(
    loads: Sequence[float], startup_seconds: float, percents: Sequence[int], ahead: Ahead = AHEAD
) -> ReplayOutcome:
    return replay(loads, startup_seconds, [percent / 100 for percent in percents], ahead)
