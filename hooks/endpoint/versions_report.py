"""What a status has about versions: the canary, the history, and that an earlier version runs."""

from typing import NamedTuple

from aimlib.api.canary import CanaryStatus
from aimlib.api.history import HistoryEntry, Rollback
from aimlib.api.resolved import Resolved
from aimlib.canary.step import ENDED
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import Rollout, overdue
from hooks.endpoint import conditions
from hooks.endpoint.build import Built
from hooks.endpoint.canary import NOT_ITS_FAULT, read_canary
from hooks.endpoint.decision import EndpointDecision
from hooks.endpoint.history import (
    Now,
    Version,
    failure,
    last_good,
    present,
    read_history,
    restored,
    why,
    with_failed,
    with_present,
    with_ready,
)
from hooks.endpoint.world import World, remembered_part

FAILING_SECONDS = 300
"""How long a version may fail to start before an endpoint returns to an earlier one: a registry or a hub may be back by
then. A Deployment that gave up is no longer waited for."""
HEALTHY = frozenset({"Progressing", "Promoted"})
"""Reasons with which a canary is healthy."""


class Versions(NamedTuple):
    """The parts of a status that are about versions."""

    resolved: Resolved
    """The configuration that serves."""
    canary: CanaryStatus | None
    rollback: Rollback | None
    history: tuple[HistoryEntry, ...]
    conditions: tuple[Verdict, ...] = ()
    """CanaryHealthy; none where versions are not tried."""


def report_versions(world: World, version: Version, built: Built, state: tuple[Verdict, Rollout]) -> Versions:
    """What the status has about versions. `state` is Available, and the replicas that it is about."""
    tracks, requested = built.tracks, built.owner.resolved
    former = remembered_part(world.before, "resolved", Resolved)
    serves = former if tracks.keeps_former and former else requested
    serving, replicas = state
    now = Now(tracks.id, version.stated, requested, version.rollback)
    history = read_history(world.before)
    so_far = present(history)
    held = built.owner.hold
    image = built.owner.image
    if (held is None or held.deployment is None) and (image is None or image.reference):
        history = with_present(history, world.before, now, world.happened, ran=world.running is not None)
    history = with_ready(history) if serving.met else history
    history = _with_tried(world, history, built, now, so_far)
    rollback = version.rollback or _rollback(world, history, built, requested, replicas)
    return Versions(serves, tracks.status, rollback, history, tuple(_healthy(world, tracks.status)))


def _with_tried(
    world: World, history: tuple[HistoryEntry, ...], built: Built, now: Now, so_far: HistoryEntry | None
) -> tuple[HistoryEntry, ...]:
    """The versions with one that was tried until now and did not come to serve. `so_far` served before this sync."""
    state, before = built.tracks.status, read_canary(world.before)
    was_tried = before is not None and before.phase not in ENDED
    if state is None or state.phase != "RolledBack" or not (was_tried or before is None or before.id != state.id):
        return history
    serving, same = present(history), now.id == state.id
    if serving and serving.id == state.id:
        return history
    entry = {
        "id": state.id,
        "since": state.began,
        "until": world.happened(),
        "why": why(so_far, world.before, now) if same else "tried as a canary",
        "outcome": "Aborted" if state.reason == "RolledBack" else "Failed",
        "message": state.message[:1024],
        "stated": now.stated if same else "",
        "resolved": now.resolved if same else before.resolved if before else None,
    }
    return with_failed(history, entry)


def _rollback(
    world: World, history: tuple[HistoryEntry, ...], built: Built, requested: Resolved, replicas: Rollout
) -> Rollback | None:
    """That the requested version has failed: as a canary, or by itself where deployment.onFailure is RollBack."""
    tracks, serving = built.tracks, present(history)
    if tracks.keeps_former:
        ended = tracks.status if tracks.status and tracks.status.phase == "RolledBack" else None
        if ended and serving and restored(world.spec, serving):
            return failure(world.spec, serving, requested, f"{ended.reason}: {ended.message}")
        return None
    if world.spec.deployment.on_failure != "RollBack" or serving is None or serving.ready or not replicas.problem:
        return None
    reason, message = replicas.problem
    late = reason not in NOT_ITS_FAULT and overdue(world.now, serving.since, FAILING_SECONDS)
    good = last_good(history, world.spec) if late or reason == "RolloutStuck" else None
    return failure(world.spec, good, requested, f"{reason}: {message}") if good else None


def _healthy(world: World, state: CanaryStatus | None) -> tuple[Verdict, ...]:
    if state is None or not world.spec.deployment.canary.enabled:
        return ()
    steps = len(world.spec.deployment.canary.plan)
    shown = f"step {state.step} of {steps}, {state.part}: " if state.phase == "Progressing" else ""
    return (Verdict("CanaryHealthy", state.reason in HEALTHY, state.reason, shown + state.message),)


def current_version(decision: EndpointDecision, built: Built, versions: Versions) -> Verdict:
    """UpToDate: that an earlier version runs, or that a new one is tried; else what selection would return now."""
    name, state = "UpToDate", built.tracks.status
    if built.tracks.tries and state:
        return Verdict(name, False, "CanaryRunning", f"canary {state.id} is tried; CanaryHealthy reports on it")
    if versions.rollback:
        return Verdict(name, False, "RolledBack", versions.rollback.message)
    if built.tracks.keeps_former and state:
        return Verdict(name, False, "RolledBack", f"what the spec requests failed as a canary: {state.message}")
    return conditions.up_to_date(versions.resolved, decision.fresh, built.cache.newer)
