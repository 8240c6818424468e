"""The next step of a canary. A step that has nothing to wait for is followed by the next at once.

Missing figures hold a canary where it is, and nothing is promoted on them.
"""

from datetime import datetime
from typing import NamedTuple

from aimlib.api.canary import Canary, CanaryStatus, Track
from aimlib.api.resolved import Resolved
from aimlib.canary.figures import UNMEASURED, Figures, compare
from aimlib.kube.timestamp import format_timestamp, parse_time

ENDED = frozenset({"Promoted", "RolledBack"})
"""Phases that are left only for another version."""
AT_ONCE = 8
"""Most phases that one call passes; there are fewer in a row."""


class Seen(NamedTuple):
    """What is observed of both versions."""

    id: str
    """Identifies the version that is requested now."""
    now: datetime
    stable_track: Track
    desired: int
    """Replicas that the endpoint is to have; 0 while an autoscaler has stopped it."""
    stable_ready: int = 0
    canary_ready: int = 0
    problem: str = ""
    """What keeps replicas of the new version from starting; empty where waiting may help."""
    given_up: bool = False
    """Whether the problem is final."""
    routed: bool = False
    """Whether a gateway shares requests out by weight. Without one a version is switched to as a whole."""
    stable: Figures = UNMEASURED
    canary: Figures = UNMEASURED
    promote: str = ""
    """The id that a person promotes."""
    abort: str = ""
    """The id that a person ends."""
    resolved: Resolved | None = None
    """The configuration of the new version."""


class Counts(NamedTuple):
    """Replicas of both versions."""

    stable: int
    canary: int


def step(before: CanaryStatus | None, spec: Canary, seen: Seen) -> CanaryStatus:
    """How far the canary is now. A second call with its result and the same observations returns that."""
    state = _begun(seen) if before is None or before.id != seen.id else before
    for _ in range(AT_ONCE):
        state = _next(state, spec, seen)
    return state


def replicas(state: CanaryStatus, spec: Canary, seen: Seen) -> Counts:
    """How many replicas each version is to have. Together they are never fewer than desired, once those are ready."""
    if state.phase == "RolledBack":
        return Counts(seen.desired, 0)
    if state.phase == "Promoted":
        return Counts(0, seen.desired)
    if state.phase != "Promoting":
        return Counts(seen.desired, min(spec.replicas, seen.desired))
    ready = min(seen.canary_ready, seen.desired)
    return Counts(seen.desired - ready, min(ready + 1, seen.desired))


def _begun(seen: Seen) -> CanaryStatus:
    now = format_timestamp(seen.now)
    return CanaryStatus(
        id=seen.id,
        phase="Starting",
        began=now,
        since=now,
        checked_at=now,
        stable_track=seen.stable_track,
        reason="Progressing",
        message="the new version starts",
        resolved=seen.resolved,
    )


def _next(state: CanaryStatus, spec: Canary, seen: Seen) -> CanaryStatus:
    """The first rule that applies; the same state where none does."""
    if state.phase in ENDED:
        return state
    if seen.abort == state.id:
        return _ended(state, seen, "RolledBack", "ended by the annotation aim.engine.amd.com/abort")
    if seen.desired == 0:  # nothing can be compared, and nothing takes over
        return _given(state, 0).model_copy(update={"message": "waits for the endpoint to start again"})
    if seen.problem and (seen.canary_ready == 0 or state.phase == "Promoting"):
        return _failing_to_start(state, spec, seen)
    return {
        "Starting": _starting,
        "Progressing": _progressing,
        "AwaitingPromotion": _awaiting,
        "Promoting": _promoting,
    }[state.phase](state, spec, seen)


def _failing_to_start(state: CanaryStatus, spec: Canary, seen: Seen) -> CanaryStatus:
    """A problem that stays over as many comparisons as may fail is final."""
    if not (seen.given_up or _is_due(state, spec, seen)):
        return _given(state, 0) if seen.canary_ready == 0 else state
    failures = state.failures + 1
    if seen.given_up or failures >= spec.analysis.failure_limit:
        return _ended(state, seen, "CannotStart", seen.problem)
    held = _checked(state, seen, failures, "Progressing", seen.problem)
    return _given(held, 0) if seen.canary_ready == 0 else held


def _starting(state: CanaryStatus, spec: Canary, seen: Seen) -> CanaryStatus:
    wanted = min(spec.replicas, seen.desired)
    if seen.canary_ready < wanted:
        return state.model_copy(
            update={"message": f"{seen.canary_ready} of {wanted} replicas of the new version ready"}
        )
    return _at_step(state, spec, seen, 1) if seen.routed else _good(state, spec, seen)


def _progressing(state: CanaryStatus, spec: Canary, seen: Seen) -> CanaryStatus:
    """Compares when that is due, and goes on when a comparison has passed and the step has had its time."""
    at = min(max(state.step, 1), len(spec.plan))
    planned = spec.plan[at - 1]
    given = _given(state, planned.weight, planned.mirror_percent) if seen.canary_ready else _given(state, 0)
    if seen.promote == state.id and seen.canary_ready:
        return _phase(given, seen, "Promoting", "promoted by hand")
    if not _is_due(state, spec, seen):
        return given
    found = compare(seen.stable, seen.canary, spec.analysis)
    failures = {"Regressed": state.failures + 1, "Progressing": 0}.get(found.reason, state.failures)
    checked = _checked(given, seen, failures, found.reason, found.message).model_copy(update={"checks": found.checks})
    if failures >= spec.analysis.failure_limit:
        return _ended(checked, seen, "Regressed", found.message)
    passed = found.reason == "Progressing" and seen.canary_ready
    if not passed or not _has_passed(state.since, planned.seconds, seen):
        return checked
    return _at_step(checked, spec, seen, at + 1) if at < len(spec.plan) else _good(checked, spec, seen)


def _awaiting(state: CanaryStatus, spec: Canary, seen: Seen) -> CanaryStatus:
    """Goes on comparing, so that what is worse later is ended, too."""
    if spec.promotion == "Automatic" and not seen.routed:
        return _phase(state, seen, "Promoting", "the new version takes over")
    if not seen.routed:
        ready = seen.promote == state.id and seen.canary_ready
        return _phase(state, seen, "Promoting", "promoted by hand") if ready else _given(state, 0)
    return _progressing(state, spec, seen)


def _promoting(state: CanaryStatus, _spec: Canary, seen: Seen) -> CanaryStatus:
    ready = min(seen.canary_ready, seen.desired)
    if ready >= seen.desired:
        return _ended(state, seen, "Promoted", "the new version has replaced the former one")
    weight = 100 * ready // max(ready + seen.stable_ready, 1) if seen.routed else 0
    message = f"{ready} of {seen.desired} replicas of the new version ready"
    return _given(state, weight).model_copy(update={"message": message, "failures": 0})


def _good(state: CanaryStatus, spec: Canary, seen: Seen) -> CanaryStatus:
    """Past the last step."""
    if spec.promotion == "Manual" and seen.promote != state.id:
        message = f"waits for the annotation aim.engine.amd.com/promote: {state.id}"
        waiting = state.phase == "AwaitingPromotion"
        changed = {"message": message}
        return state.model_copy(update=changed) if waiting else _phase(state, seen, "AwaitingPromotion", message)
    return _phase(state, seen, "Promoting", "the new version takes over")


def _at_step(state: CanaryStatus, spec: Canary, seen: Seen, number: int) -> CanaryStatus:
    planned = spec.plan[number - 1]
    begun = _phase(state, seen, "Progressing", "the new version is compared with the present one")
    return _given(begun, planned.weight, planned.mirror_percent).model_copy(update={"step": number, "failures": 0})


def _phase(state: CanaryStatus, seen: Seen, phase: str, message: str) -> CanaryStatus:
    now = format_timestamp(seen.now)
    changed = {"phase": phase, "since": now, "checked_at": now, "reason": "Progressing", "message": message}
    return state.model_copy(update=changed)


def _ended(state: CanaryStatus, seen: Seen, reason: str, message: str) -> CanaryStatus:
    promoted = reason == "Promoted"
    ended = _given(_phase(state, seen, "Promoted" if promoted else "RolledBack", message), 100 if promoted else 0)
    return ended.model_copy(update={"reason": reason, "resolved": None})


def _checked(state: CanaryStatus, seen: Seen, failures: int, reason: str, message: str) -> CanaryStatus:
    changed = {"checked_at": format_timestamp(seen.now), "failures": failures, "reason": reason, "message": message}
    return state.model_copy(update=changed)


def _given(state: CanaryStatus, weight: int, mirror_percent: int | None = None) -> CanaryStatus:
    """The state with what the new version gets of the requests; nothing is copied unless that is stated."""
    return state.model_copy(update={"weight": weight, "mirror_percent": mirror_percent})


def _is_due(state: CanaryStatus, spec: Canary, seen: Seen) -> bool:
    return _has_passed(state.checked_at, spec.analysis.interval_seconds, seen)


def _has_passed(since: str, seconds: int, seen: Seen) -> bool:
    """Whether so many seconds have passed; always since what is no time, which is then written anew."""
    moment = parse_time(since)
    return moment is None or (seen.now - moment).total_seconds() >= seconds
