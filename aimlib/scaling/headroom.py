"""How much of a replica an autoscaler may plan for, by the traffic of the last days: a pure replay, once a day."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from aimlib.api.scaling import Headroom, Scaling
from aimlib.kube.duration import format_duration
from aimlib.kube.timestamp import format_timestamp, parse_time
from aimlib.scaling.policies import ACCEPTED, DAY, LEAST_TARGET, PAST_DAYS, STEP_PERCENT, USUAL_TARGET, highest_target
from aimlib.scaling.replay import replay
from aimlib.scaling.traffic import PERIOD_SECONDS, TrafficError, by_minute, periods

INTERVAL = timedelta(days=1)
PAST_SECONDS = PAST_DAYS * 24 * 3600
"""Of the traffic that is replayed."""
USUAL_HEADROOM = Headroom(target_utilization=USUAL_TARGET)
"""Before anything was replayed: what targetRequests states."""


def follows_past(scaling: Scaling | None) -> bool:
    """Whether the target of requests follows the own past."""
    return scaling is not None and scaling.headroom == "Auto"


def replay_is_due(as_of: object, now: datetime) -> bool:
    """Whether the traffic is to be replayed; a time in the future is from a clock that was wrong."""
    last = parse_time(as_of if isinstance(as_of, str) else None)
    return last is None or not timedelta(0) <= now - last < INTERVAL


def with_headroom(target: float, headroom: Headroom | None) -> float:
    """The target of requests for each replica, of which `target` is the one at the usual use."""
    if headroom is None:
        return target
    return float(max(round(target * headroom.target_utilization / USUAL_TARGET), 1))


def renewed(
    former: Headroom, samples: Mapping[float, float], target: float, startup_seconds: int, now: datetime
) -> Headroom:
    """The headroom by the traffic of the last days, in requests at once; TrafficError where there is too little.

    `target` are the requests for each replica at the usual use. A lower use is taken at once, a higher one in small
    steps and only where it is clearly higher, so that it does not go back and forth with each day.
    """
    loads = periods(dict(samples))
    minutes = [load * USUAL_TARGET / 100 / target for load in by_minute(loads)]
    fitting, before = highest_target(minutes, startup_seconds), former.target_utilization
    raised = before + STEP_PERCENT if fitting >= before + 2 * STEP_PERCENT else before
    taken = min(fitting, raised)
    outcome = replay(minutes, startup_seconds, [taken / 100])
    observed = replay(minutes[-DAY:], startup_seconds, [before / 100])
    return Headroom(
        target_utilization=taken,
        as_of=format_timestamp(now),
        days=round(len(loads) * PERIOD_SECONDS / 86_400, 1),
        startup_seconds=startup_seconds,
        expected_overload=round(outcome.overload, 4),
        observed_overload=round(observed.overload, 4),
        expected_cost=round(outcome.cost, 2),
        advice=_advice(taken, outcome.overload, startup_seconds),
    )


def _advice(taken: int, overload: float, startup_seconds: int) -> str:
    if overload > ACCEPTED and taken == LEAST_TARGET:
        starts = format_duration(startup_seconds)
        return (
            f"even at {taken} % use {100 * overload:.1f} % of the load would meet too few replicas: a start-up of less "
            f"than {starts} helps more (status.startup)"
        )
    return f"at {taken} % use {100 * overload:.1f} % of the load would have met too few replicas"


def kept(former: Headroom, why: str) -> Headroom:
    """The same headroom, and why it is not renewed."""
    return former.model_copy(update={"message": why[:1024]})


def headroom_of(
    former: Headroom | None, samples: Mapping[float, float], target: float, startup_seconds: int, now: datetime
) -> Headroom:
    """The renewed headroom; the former one, with the reason, where there is too little traffic."""
    try:
        return renewed(former or USUAL_HEADROOM, samples, target, startup_seconds, now)
    except TrafficError as error:
        return kept(former or USUAL_HEADROOM, str(error))
