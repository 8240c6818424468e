"""Builds the children of an endpoint from its decision, and compares each with what is observed."""

from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.api.room import FullHardware
from aimlib.kube.server_kinds import LEADER_WORKER_SET, is_server
from aimlib.protocol.observed import CLAIM, ChildState, ChildStates, child_states
from aimlib.scaling.schedule import scheduled_replicas
from aimlib.selection.steps import decided_for
from hooks.endpoint.cache import CacheUse, use_cache
from hooks.endpoint.canary import Tracks, plan_tracks
from hooks.endpoint.children import OptionalChild, children, not_offered
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.scaled_object import SCALED_OBJECT
from hooks.endpoint.children.scalers import Scalers
from hooks.endpoint.decision import EndpointDecision
from hooks.endpoint.devices import claim_templates_in_use
from hooks.endpoint.former_node import former_node
from hooks.endpoint.full_hardware import recorded
from hooks.endpoint.full_record import with_full
from hooks.endpoint.headroom import headroom
from hooks.endpoint.image_volume import use_image
from hooks.endpoint.own_claim import caches_in_use, with_claims_as_they_are
from hooks.endpoint.own_names import ACCOUNT, accounts_in_use, held_until_owned, with_used_children
from hooks.endpoint.queue import deployed_queue
from hooks.endpoint.schedule import times_of_schedule
from hooks.endpoint.startup import counted_startup
from hooks.endpoint.world import AUTOSCALERS, World, may_reach_zero
from hooks.objects.volume_claim import former_claims


class Built(NamedTuple):
    """What an endpoint is to have."""

    owner: Owner
    cache: CacheUse
    tracks: Tracks
    states: ChildStates
    """Each desired child beside the observed one."""
    not_offered: tuple[OptionalChild, ...]
    """Kinds that the spec requests and the controller does not declare."""
    former: list[Raw]
    """Claims that the spec does not request any more."""
    accounts: list[Raw]
    """Service accounts that the spec does not request any more, and that pods run as."""
    inspection: list[Raw]
    """What reads the files of a model that nobody described, or looks up the digest of its image."""
    full: tuple[FullHardware, ...] = ()
    """Hardware that was full when the configuration was selected."""

    def state(self, kind: str) -> ChildState | None:
        """The child of that kind that has the endpoint's own name; there may be others of its kind."""
        return self.states.get((kind, self.owner.child))

    @property
    def deployment(self) -> ChildState | None:
        """The Deployment or LeaderWorkerSet of the version that serves."""
        return next((state for state in self.states.values() if is_server(state.desired)), None)

    @property
    def groups_missing(self) -> str:
        """That nothing runs replicas on several nodes, where the endpoint has some; empty where it has none."""
        lacking = next((one for one in self.not_offered if one.kind == LEADER_WORKER_SET), None)
        return lacking.message if lacking and self.owner.replicas else ""

    @property
    def children(self) -> list[Raw]:
        desired = (state.desired for state in self.states.values())
        made = [*desired, *self.tracks.children, *self.former, *self.accounts, *self.inspection]
        return with_full(made, decided_for(self.owner.spec), self.full)


def scalers(world: World) -> Scalers:
    """What may scale the endpoint, by what is observed."""
    ready = any((one.get("status") or {}).get("readyReplicas") for one in world.deployments)
    starts = may_reach_zero(world.spec) and world.spec.replicas > 0
    times = times_of_schedule(world)
    return Scalers(
        keda=world.offers(SCALED_OBJECT),
        gateways=world.gateways,
        observed=_autoscalers(world),
        loading=starts and not ready and world.before.get("phase") != "Failed",
        scheduled=scheduled_replicas(times, world.now),
        times=times,
        startup_seconds=counted_startup(world),
    )


def _autoscalers(world: World) -> frozenset[str]:
    """The kinds of autoscalers that the endpoint has; what KEDA made for it is gone a moment after its ScaledObject."""
    found = frozenset(kind.partition(".")[0] for kind in (AUTOSCALERS, SCALED_OBJECT) if world.children.get(kind))
    return found or (frozenset({"ScaledObject"}) if world.autoscalers else found)


def build(world: World, decision: EndpointDecision) -> Built | None:
    """The children that are desired; None where it is not known what was selected, or nothing ever was."""
    if decision.resolved is None:
        return None
    track = world.stable_track
    stated = (world.name, world.namespace, world.spec, decision.resolved, world.config)
    bare = Owner(*stated, track=track, queue=deployed_queue(world), scalers=scalers(world))
    bare = bare._replace(scalers=bare.scalers._replace(headroom=headroom(world, bare)))
    bare = bare._replace(former_node=former_node(world, bare))
    cache = use_image(world, bare) if bare.mounts_image else use_cache(world, decision, bare)
    tracks = plan_tracks(world, held_until_owned(cache.owner, world.children))
    owner = tracks.owner
    desired = with_claims_as_they_are(children(owner, world.offers, tracks.engine), world)
    desired += caches_in_use(desired, world, owner)
    desired += claim_templates_in_use(desired, tracks.children, world)
    states = child_states(world.children, desired)
    former = former_claims(desired, world.children.get(CLAIM, {}).values())
    accounts = accounts_in_use([*desired, *tracks.children], world.children.get(ACCOUNT, {}).values())
    optional = not_offered(owner, world.offers)
    inspection = [*(decision.inspection.children if decision.inspection else ())]
    made = {(child["kind"], child["metadata"]["name"]) for child in inspection}
    inspection += (one for one in cache.children if (one["kind"], one["metadata"]["name"]) not in made)
    waits = world.spec.recipe.when_full == "Wait"
    full = () if waits else recorded({"selection": decision.selection}, decided_for(world.spec))
    return Built(owner, cache, tracks, with_used_children(states), optional, former, accounts, inspection, full)
