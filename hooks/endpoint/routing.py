"""What an endpoint reports of its Service for gateways. Ready does not wait for it: its own URL needs none."""

from collections.abc import Iterable, Iterator

from aimlib.gateway.routed import is_routed
from aimlib.protocol.observed import ChildState, overdue
from hooks.endpoint.world import World


def children_to_wait_for(states: Iterable[ChildState]) -> list[ChildState]:
    """The children that Ready waits for."""
    return [state for state in states if not is_routed(state.desired)]


def routing_warnings(world: World, states: Iterable[ChildState]) -> Iterator[str]:
    """That gateways cannot route here."""
    for state in states:
        if is_routed(state.desired) and state.observed is None and overdue(world.now, world.requested_at):
            yield f"no gateway routes here while {state.name} is not created: its name may be another object's"
