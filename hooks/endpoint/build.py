"""Builds the children of an endpoint from its decision, and compares each with what is observed."""

from collections.abc import Mapping
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.protocol.observed import ChildState, child_state
from hooks.endpoint.cache import CacheUse, use_cache
from hooks.endpoint.children import OptionalChild, children, not_offered
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.decision import EndpointDecision
from hooks.endpoint.own_claim import with_claim_as_it_is
from hooks.endpoint.own_names import ACCOUNT, CLAIM, accounts_in_use, held_until_owned, with_used_children
from hooks.endpoint.world import World
from hooks.objects.volume_claim import former_claims


class Built(NamedTuple):
    """What an endpoint is to have."""

    owner: Owner
    cache: CacheUse
    states: Mapping[str, ChildState]
    """Each desired child beside the observed one, by kind: an endpoint has one of each."""
    not_offered: tuple[OptionalChild, ...]
    """Kinds that the spec requests and the controller does not declare."""
    former: list[Raw]
    """Claims that the spec does not request any more."""
    accounts: list[Raw]
    """Service accounts that the spec does not request any more, and that pods run as."""

    @property
    def children(self) -> list[Raw]:
        return [*(state.desired for state in self.states.values()), *self.former, *self.accounts]


def build(world: World, decision: EndpointDecision) -> Built | None:
    """The children that are desired; None where it is not known what was selected, or nothing ever was."""
    if decision.resolved is None:
        return None
    bare = Owner(world.name, world.namespace, world.spec, decision.resolved, world.config)
    cache = use_cache(world, decision, bare)
    owner = held_until_owned(cache.owner, world.children)
    desired = with_claim_as_it_is(children(owner, world.offers), world, owner)
    states = {child["kind"]: child_state(world.children, child) for child in desired}
    former = former_claims(desired, world.children.get(CLAIM, {}).values())
    accounts = accounts_in_use(desired, world.children.get(ACCOUNT, {}).values())
    return Built(owner, cache, with_used_children(states), not_offered(world.spec, world.offers), former, accounts)
