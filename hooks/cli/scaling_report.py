"""What the command line tells of an endpoint's autoscaler: one line on its screen, and the sums behind it."""

from collections.abc import Iterator

from aimlib.api.endpoint_status import EndpointStatus
from aimlib.api.meta import Raw
from aimlib.api.scaling import Headroom, ScalingStatus, ScalingTrigger
from aimlib.api.schedule import ScheduledReplicas
from aimlib.kube.duration import format_duration
from aimlib.printable import printable
from hooks.cli.tables import Cell, table

TRIGGER_HEAD = ("TARGET", "MEASURED", "OF", "WANTS")
BOUND_WORDS = {
    "Minimum": "no fewer by minReplicas",
    "Schedule": "no fewer by the schedule",
    "Maximum": "no more by maxReplicas",
    "Hardware": "there is no room for more",
    "Loading": "the first replica loads its model, and nothing scales down before it is ready",
    "Suspended": "spec.suspend is true",
}
"""What bounds the number of replicas, in words."""


def scaling_line(endpoint: Raw, status: EndpointStatus) -> str | None:
    """The bounds, what decides now, and what is in the way."""
    stated, scaling = endpoint["spec"].get("scaling"), status.scaling
    if scaling is None:
        return f"{stated.get('minReplicas', 1)} to {stated.get('maxReplicas', 1)} replicas" if stated else None
    return "; ".join((f"{scaling.min_replicas} to {scaling.max_replicas} replicas by {scaling.by}", *_why(scaling)))


def _why(scaling: ScalingStatus) -> Iterator[str]:
    if chosen := _deciding(scaling):
        yield f"{chosen.name} wants {chosen.replicas}"
    if scaling.scheduled:
        yield _scheduled(scaling.scheduled)
    if scaling.bounded_by:
        yield BOUND_WORDS[scaling.bounded_by]
    if scaling.message:
        yield f"{scaling.reason}: {printable(scaling.message)}"


def _scheduled(one: ScheduledReplicas) -> str:
    stated = f"the schedule {printable(one.cron)!r} ({printable(one.time_zone)}) wants {one.min_replicas}"
    return f"{stated} until {one.ends}" if one.applies else f"{stated} from {one.begins} to {one.ends}"


def _deciding(scaling: ScalingStatus) -> ScalingTrigger | None:
    """The target that wants the most replicas."""
    counted = [one for one in scaling.triggers if one.replicas is not None]
    return max(counted, key=lambda one: one.replicas or 0, default=None)


def scaling_sums(endpoint: Raw) -> str:
    """What each target measured and wants, and how many replicas come of it."""
    name = endpoint["metadata"]["name"]
    status = EndpointStatus.model_validate(endpoint.get("status") or {})
    scaling, counts = status.scaling, status.replicas
    if scaling is None:
        left = " but its schedule" if (endpoint["spec"].get("scaling") or {}).get("schedule") else ""
        return f"{name}: nothing scales it{left}; spec.replicas is {endpoint['spec'].get('replicas', 1)}"
    lines = [
        f"{name}: {counts.desired if counts else 0} replicas, {scaling_line(endpoint, status)}",
        table(TRIGGER_HEAD, [_row(one) for one in scaling.triggers]),
        f"{scaling.autoscaler} takes the most that any target wants, and scales where that is over 10 % away",
    ]
    if (headroom := scaling.headroom) is not None:
        lines.append(f"headroom by the own past: {headroom.target_utilization} % use; {_headroom(headroom)}")
    if (ahead := scaling.anticipated) is not None:
        later = format_duration(ahead.startup_seconds)
        lines.append(f"anticipated is the load of {printable(ahead.period)} ago, as it was {later} later")
    last = f"the last change was at {scaling.last_scaled}" if scaling.last_scaled else "it has changed nothing yet"
    return "\n".join((*lines, last))


def _headroom(headroom: Headroom) -> str:
    replayed = f"{headroom.advice} (as of {headroom.as_of})" if headroom.as_of else "nothing was replayed yet"
    return "; ".join(printable(one) for one in (replayed, headroom.message) if one)


def _row(trigger: ScalingTrigger) -> tuple[Cell, ...]:
    numbers = (trigger.measured, trigger.target)
    return trigger.name, *("unknown" if one is None else f"{one:g}" for one in numbers), trigger.replicas
