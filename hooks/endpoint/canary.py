"""The two tracks of an endpoint: the version that serves on one, and a new version that is tried on the other.

While a version is tried, the Deployment that serves stays as it was last applied. Promotion only changes which of the
two the Service leads to, and restarts nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic.alias_generators import to_camel

from aimlib.api.canary import Canary, CanaryStatus
from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.canary.figures import Figures
from aimlib.canary.step import ENDED, Counts, Seen, step
from aimlib.canary.step import replicas as replicas_of
from aimlib.diagnosis.pod_failures import pod_failure
from aimlib.kube.server_kinds import pods_template
from aimlib.naming import ABORT_ANNOTATION, ENDPOINT_LABEL, PROMOTE_ANNOTATION, TRACKS, track_name, track_value
from aimlib.protocol.last_applied import kept_child, last_applied
from aimlib.protocol.metacontroller import prune
from aimlib.protocol.observed import DEPLOYMENT, ChildState, Rollout, rollout
from aimlib.selection.steps import decided_for
from hooks.endpoint.children.deployment import engine_deployment, held_deployment
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.routed import routed_service
from hooks.endpoint.history import present, read_history, template_id
from hooks.endpoint.world import World, remembered_part

NOT_ITS_FAULT = frozenset(
    {"Queued", "SchedulingGated", "Unschedulable", "ClaimPending", "ProbeFailing", "NodeLost", "NodeRefused", "Evicted"}
)
"""Reasons of pods that are not the version's fault, or that waiting may help; the Deployment's deadline ends them."""


class Tracks(NamedTuple):
    """What runs on which track after a sync."""

    owner: Owner
    """The endpoint with the track of the version that serves, and with its Deployment where a new one is tried."""
    status: CanaryStatus | None = None
    children: tuple[Raw, ...] = ()
    """The Deployment of the version that is tried."""
    counts: Counts | None = None
    """Counts of both versions; None where no version is tried."""
    serving: Rollout | None = None
    """The replicas of both versions together, while one takes over."""
    id: str = ""
    """Identifies what the endpoint is to run by the pods' template."""
    engine: Raw | None = None
    """The Deployment of the engine of `owner`, where it has been built."""

    @property
    def tries(self) -> bool:
        """Whether a new version is being tried."""
        return self.status is not None and self.counts is not None and self.status.phase not in ENDED

    @property
    def keeps_former(self) -> bool:
        """Whether the version that serves is not the one that is requested."""
        return self.counts is not None and (self.status is None or self.status.phase != "Promoted")


def read_canary(before: Raw) -> CanaryStatus | None:
    """How far a canary is by a status; BadRequestError where this release cannot read it."""
    return remembered_part(before, "canary", CanaryStatus)


def tried(world: World) -> Resolved | None:
    """The configuration of the version that is being tried, where it is what the spec requests."""
    state = read_canary(world.before)
    found = state.resolved if state and state.phase not in ENDED else None
    return found if found and found.decided_for == decided_for(world.spec) else None


def other_track(track: str) -> str:
    """The track on which a new version is tried."""
    return next(one for one in TRACKS if one != track)


def plan_tracks(world: World, owner: Owner) -> Tracks:
    """What runs on which track. `owner` has the requested version, on the track that serves."""
    spec, before = world.spec.deployment.canary, read_canary(world.before)
    engine = prune(engine_deployment(owner))
    requested = template_id(pods_template(engine), world.name)
    stable = world.child(DEPLOYMENT, track_name(world.name, owner.track))
    trial = world.child(DEPLOYMENT, track_name(world.name, other_track(owner.track)))
    why_not = _why_not(world, owner, requested, stable, trial)
    if why_not or stable is None:
        # The status is gone, as a whole or with what was applied last unreadable: nobody knows what is being tried.
        unknown = before is None and stable is not None and last_applied(stable) is None
        ending = _ending(owner, trial, tried=world.tried_before or unknown or not world.before)
        return Tracks(owner, _without(before, why_not, world), ending, id=requested, engine=engine)
    seen = _seen(world, owner, requested, stable, trial)
    state = step(before, spec, seen)
    counts = replicas_of(state, spec, seen)
    if state.phase == "Promoted":
        flipped = owner._replace(track=other_track(owner.track))
        state = state.model_copy(update={"stable_track": flipped.track})
        # A sync that still sees the status from before must find both Deployments. The next one drops the former.
        former = kept_child(stable)
        return Tracks(flipped, state, ({**former, "spec": {**former["spec"], "replicas": 0}},), counts, None, requested)
    kept = {**kept_child(stable)["spec"], "replicas": counts.stable}
    share = 100 - state.weight if counts.canary else 100
    held = owner._replace(hold=held_deployment(owner, stable, kept), joined=state.phase == "Promoting", share=share)
    if counts.canary and trial and before and before.id == state.id:
        # By a status from before it may be fewer again than there are already: those stay.
        counts = counts._replace(canary=max(counts.canary, min(trial["spec"].get("replicas", 0), owner.replicas)))
    # Without a status from before, one that is given up at once was tried by a status that is lost.
    ending = _ending(owner, trial, tried=world.tried_before or before is None)
    waits = _idle(owner) and trial is not None and state.phase not in ENDED
    children = _trial(owner, counts.canary, state) if counts.canary or waits else ending
    joined = _joined(owner.replicas, seen) if held.joined else None
    return Tracks(held, state, children, counts, joined, requested)


def _why_not(world: World, owner: Owner, requested: str, stable: Raw | None, trial: Raw | None) -> str:
    """Why no version is tried: the first row that applies; empty where one is."""
    if not world.spec.deployment.canary.enabled:  # as most are not: the rest is not read
        return "deployment.canary is not enabled any more"
    serving = present(read_history(world.before))
    last = last_applied(stable) if stable else None
    of_record = template_id(pods_template(last), world.name) if last else ""
    known = serving.id if serving else of_record
    table = (
        (owner.replicas == 0 and not _idle(owner), "the endpoint is stopped"),
        (owner.resolved.nodes, "a replica is on several nodes"),
        (stable is None or not known, "the version that served is not there"),
        (known == requested, "the version that serves is requested again"),
        (owner.hold is not None and trial is None, "what the new version uses is not there"),
    )
    return next((text for applies, text in table if applies), "")


def _idle(owner: Owner) -> bool:
    """Whether an autoscaler has stopped the endpoint, which goes on with what was tried once a request comes."""
    return owner.replicas == 0 and owner.rest[0] == "Idle"


def _without(before: CanaryStatus | None, why: str, world: World) -> CanaryStatus | None:
    """The status where no version is tried: one that was is over, and the track stays known."""
    if before is None or before.phase in ENDED:
        return before
    changed = {"phase": "RolledBack", "reason": "RolledBack", "message": why, "resolved": None}
    nothing = {"weight": 0, "mirror_percent": None}
    return before.model_copy(update={**changed, **nothing, "since": world.happened()})


def _trial(owner: Owner, count: int, state: CanaryStatus) -> tuple[Raw, ...]:
    """The children of the version that is tried: its Deployment, and the Service that gateways route to."""
    part = owner._replace(share=state.weight, mirror=state.mirror_percent or 0)
    tried_owner = part._replace(track=other_track(owner.track), hold=None)
    made = engine_deployment(tried_owner)
    sized = {**made, "spec": {**made["spec"], "replicas": count}}
    return tuple(prune(child) for child in (sized, routed_service(tried_owner, stable=False)) if child)


def _ending(owner: Owner, trial: Raw | None, *, tried: bool) -> tuple[Raw, ...]:
    """The version that was tried until now: without requests, and else as it is. The sync after this one drops it.

    A sync that still sees the status from before must find what this one has found: it would start the version anew.
    """
    if not tried or trial is None:
        return ()
    service = routed_service(owner._replace(track=other_track(owner.track), share=0), stable=False)
    return tuple(prune(child) for child in (kept_child(trial), service) if child)


def _seen(world: World, owner: Owner, requested: str, stable: Raw, trial: Raw | None) -> Seen:
    before = read_canary(world.before)
    rolled = rollout(ChildState({}, trial, applied=True))
    own = track_value(world.name, other_track(owner.track))
    pods = [pod for pod in world.pods or () if _track_of(pod) == own]
    found = pod_failure(pods, world.now, world.log, queue=world.queue) if world.pods_examined else None
    waits = found is not None and found.reason in NOT_ITS_FAULT
    problem = "" if found is None or waits else f"{found.reason}: {found.message}"
    stuck = rolled.problem if rolled.problem and rolled.problem[0] == "RolloutStuck" else None
    final = "; ".join(filter(None, (": ".join(stuck or ()), found.message if found else "")))
    return Seen(
        id=requested,
        now=world.now,
        stable_track="b" if owner.track == "b" else "a",
        desired=owner.replicas,
        stable_ready=(stable.get("status") or {}).get("readyReplicas", 0),
        canary_ready=rolled.ready if _is_of(trial, requested, world.name, before, rolled) else 0,
        problem=final if stuck else problem,
        given_up=stuck is not None,
        routed=world.routed,
        stable=Figures(**world.tracks.get(owner.track, {})),
        canary=Figures(**world.tracks.get(other_track(owner.track), {})),
        promote=str(world.annotations.get(PROMOTE_ANNOTATION) or ""),
        abort=str(world.annotations.get(ABORT_ANNOTATION) or ""),
        resolved=owner.resolved,
    )


def _is_of(trial: Raw | None, requested: str, name: str, before: CanaryStatus | None, rolled: Rollout) -> bool:
    """Whether the pods of a Deployment are of the requested version: they stay so once they were."""
    if before and before.id == requested and before.phase != "Starting":
        return True
    last = last_applied(trial) if trial else None
    applied = last is None or template_id(pods_template(last), name) == requested
    return applied and rolled.up_to_date and rolled.updated == rolled.current


def _track_of(pod: Raw) -> str:
    return str((pod["metadata"].get("labels") or {}).get(ENDPOINT_LABEL))


def stable_pods(world: World, owner: Owner) -> list[Raw]:
    """The pods of the version that serves."""
    other = track_value(world.name, other_track(owner.track))
    return [pod for pod in world.pods or () if _track_of(pod) != other]


def _joined(desired: int, seen: Seen) -> Rollout:
    """The replicas of both versions, while one takes over: as many as are desired, so far as they are ready."""
    ready = min(desired, seen.stable_ready + seen.canary_ready)
    return Rollout(desired, desired, ready, ready, up_to_date=True, problem=None)


def canary_warnings(world: World) -> Iterator[str]:
    """That requests are neither shared out by weight nor copied, where the spec states how."""
    canary = world.spec.deployment.canary
    stated = canary.model_fields_set & {"traffic_split", "duration", "steps"}
    stated |= {"mirror_percent"} if canary.mirror_percent else set()
    if canary.enabled and stated and not world.routed:
        *others, last = [to_camel(name) for name in sorted(stated, reverse=True)]
        named = f"{', '.join(others)} and {last}" if others else last
        verb = "have" if others or last == "steps" else "has"
        yield (
            f"deployment.canary.{named} {verb} no effect: no AIMGateway routes requests to this endpoint, so a new "
            f"version takes over as a whole once it is ready"
        )


def resync_seconds(state: CanaryStatus | None, spec: Canary) -> int:
    """When to look again while a version is tried: no event tells that time has passed."""
    return spec.analysis.interval_seconds if state and state.phase not in ENDED else 0
