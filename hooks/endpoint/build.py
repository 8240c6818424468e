"""Builds the children of an endpoint from its decision, and compares each with what is observed."""

from collections.abc import Mapping
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.protocol.observed import ChildState, child_state
from hooks.endpoint.cache import CacheUse, use_cache
from hooks.endpoint.children import OptionalChild, children, not_offered
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.decision import EndpointDecision
from hooks.endpoint.own_claim import former_claims, with_claim_as_it_is
from hooks.endpoint.world import World


class Built(NamedTuple):
    """What an endpoint is to have."""

    owner: Owner
    cache: CacheUse
    states: Mapping[str, ChildState]
    """Each desired child beside the observed one, by kind: an endpoint has one of each."""
    not_offered: tuple[OptionalChild, ...]
    """Kinds that the spec asks for and the controller does not declare."""
    kept: tuple[Raw, ...] = ()
    """Observed children that nothing uses and that stay, because data would go with them."""

    @property
    def children(self) -> list[Raw]:
        return [*(state.desired for state in self.states.values()), *self.kept]


def build(world: World, decision: EndpointDecision) -> Built | None:
    """The children that are desired; None while nothing was ever selected."""
    if decision.resolved is None:
        return None
    bare = Owner(world.name, world.namespace, world.spec, decision.resolved, world.config)
    cache = use_cache(world, decision, bare)
    desired = with_claim_as_it_is(children(cache.owner, world.offers), world, cache.owner)
    states = {child["kind"]: child_state(world.children, child) for child in desired}
    return Built(cache.owner, cache, states, not_offered(world.spec, world.offers), former_claims(world, cache.owner))
