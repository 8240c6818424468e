"""Children that are desired and not observed as desired yet: missing, unchanged, or a claim that is not bound.

Errors of applying children reach no hook, so a child that stays as it was for long enough is reported instead.
"""

from collections.abc import Collection
from typing import NamedTuple

from aimlib.diagnosis.scheduling import CLAIM_GRACE_SECONDS
from aimlib.protocol.observed import (
    GRACE_SECONDS,
    ChildState,
    condition_of,
    overdue,
    phase_of,
)
from hooks.endpoint.world import World

NEVER_CHANGED = frozenset({"PersistentVolumeClaim", "ResourceClaimTemplate"})
"""Kinds whose update strategy is OnDelete."""
GIVEN_UP = frozenset({"ChildMissing", "ChildRefused"})
"""Reasons that report pending children as given up; they stand while the children are pending."""


class PendingChildren(NamedTuple):
    """The children of an endpoint that are not as they are desired."""

    endpoint: str = ""
    """The name of the endpoint."""
    missing: str = ""
    """The children that are not there, as in `Service chat`."""
    unchanged: str = ""
    """The children that are there as they were desired before."""
    overdue: str = ""
    """What should be there, changed or bound by now, as a clause of a message."""
    given_up: bool = False
    """Whether the children have been overdue for so long that they will not come by themselves."""
    resync_seconds: int = 0
    """When to look again; 0 when nothing is pending."""

    @property
    def message(self) -> str:
        """All pending children as a clause of a message; empty when there is none."""
        children = ", ".join(filter(None, (self.missing, self.unchanged)))
        return f"waiting for {children}" if children else ""


def pending_children(world: World, states: Collection[ChildState], *since: str) -> PendingChildren:
    """What is not as it is desired. Given up is what was reported as overdue before, and for long enough.

    `since` is when children were desired otherwise for other reasons than the parent's spec.
    """
    changeable = [state for state in states if state.observed and state.desired["kind"] not in NEVER_CHANGED]
    pending = PendingChildren(
        endpoint=world.name,
        missing=", ".join(state.name for state in states if state.observed is None),
        unchanged=", ".join(state.name for state in changeable if not state.applied),
    )
    unbound = next((state.name for state in states if phase_of(state.observed) == "Pending"), "")
    desired_at = max(filter(None, (world.changed_at, *since)), default=None)
    late = pending.message if overdue(world.now, desired_at) else ""
    claim = f"{unbound} is not bound" if unbound and overdue(world.now, desired_at, CLAIM_GRACE_SECONDS) else ""
    return pending._replace(
        overdue="; ".join(filter(None, (late, claim))),
        given_up=bool(late) and _reported(world, late),
        resync_seconds=GRACE_SECONDS + 1 if pending.message else CLAIM_GRACE_SECONDS + 1 if unbound else 0,
    )


def _reported(world: World, message: str) -> bool:
    """Whether the condition Available has reported this already, and has been False for a while."""
    available = condition_of(world.before, "Available")
    repeated = available.get("reason") in GIVEN_UP or message in available.get("message", "")
    return available.get("status") == "False" and repeated and overdue(world.now, available.get("lastTransitionTime"))
