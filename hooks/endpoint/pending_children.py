"""Children that are desired and not observed as desired yet: missing, unchanged, or a claim that is not bound.

Errors of applying children reach no hook, so a child that stays as it was for long enough is reported instead, with the
API server's answer where an observer has read it.
"""

import re
from collections.abc import Callable, Collection
from functools import partial
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.diagnosis.scheduling import CLAIM_GRACE_SECONDS
from aimlib.protocol.given_up import ServerAnswers
from aimlib.protocol.metacontroller import Request
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


REPORTED = re.compile(r"(?:^|; )waiting for [A-Z]\w{1,62} [a-z0-9]")
"""How a message of Available tells of pending children."""
WHY_NOT = "an object of that name may have another owner, or "
WHY_UNCHANGED = "the API server refuses it; its answer is in: kubectl events --for aimendpoint/"
"""Where nobody has read its answer."""


class PendingChildren(NamedTuple):
    """The children of an endpoint that are not as they are desired."""

    missing: str = ""
    """The children that are not there, as in `Service chat`."""
    unchanged: str = ""
    """The children that are there as they were desired before."""
    overdue: str = ""
    """What should be there, changed or bound by now, as a clause of a message."""
    given_up: bool = False
    """Whether the children have been overdue for so long that they will not come by themselves."""
    not_created: str = ""
    """That those which are missing cannot be created, and why; empty unless they are given up."""
    not_changed: str = ""
    """The same of those that are unchanged."""
    resync_seconds: int = 0
    """When to look again; 0 when nothing is pending."""

    @property
    def message(self) -> str:
        """All pending children as a clause of a message; empty when there is none."""
        children = ", ".join(filter(None, (self.missing, self.unchanged)))
        return f"waiting for {children}" if children else ""


def pending_children(
    world: World, states: Collection[ChildState], *since: str, alone: Callable[[], bool] = lambda: False
) -> PendingChildren:
    """What is not as it is desired. Given up is what was reported as overdue before, and for long enough.

    `since` is when children were desired otherwise for other reasons than the parent's spec; `alone` tells whether one
    child of all is to be written.
    """
    changeable = [state for state in states if state.observed and state.desired["kind"] not in NEVER_CHANGED]
    missing = [state for state in states if state.observed is None]
    unchanged = [state for state in changeable if not state.applied]
    pending = PendingChildren(missing=_names(missing), unchanged=_names(unchanged))
    unbound = next((state.name for state in states if phase_of(state.observed) == "Pending"), "")
    desired_at = max(filter(None, (world.requested_at, *since)), default=None)
    late = pending.message if overdue(world.now, desired_at) else ""
    claim = f"{unbound} is not bound" if unbound and overdue(world.now, desired_at, CLAIM_GRACE_SECONDS) else ""
    pending = pending._replace(
        overdue="; ".join(filter(None, (late, claim))),
        given_up=bool(late) and _reported(world, late),
        resync_seconds=GRACE_SECONDS + 1 if pending.message else CLAIM_GRACE_SECONDS + 1 if unbound else 0,
    )
    return _explained(world, pending, missing, unchanged, alone) if pending.given_up else pending


def _names(states: Collection[ChildState]) -> str:
    return ", ".join(state.name for state in states)


def _explained(
    world: World,
    pending: PendingChildren,
    missing: Collection[ChildState],
    unchanged: Collection[ChildState],
    alone: Callable[[], bool],
) -> PendingChildren:
    """The same children with why they are given up."""
    before = condition_of(world.before, "Available")
    answers = ServerAnswers(world.sync_errors, before, world.generation, world.changed_at, world.now)
    why, told = f"{WHY_UNCHANGED}{world.name}", partial(answers.message, alone=bool(world.sync_errors) and alone())
    return pending._replace(
        not_created=told(f"{pending.missing} cannot be created", _desired(missing), f"{WHY_NOT}{why}"),
        not_changed=told(f"{pending.unchanged} cannot be changed", _desired(unchanged), why),
    )


def _desired(states: Collection[ChildState]) -> list[Raw]:
    return [state.desired for state in states]


def answers_matter(request: Request) -> bool:
    """Whether children of an endpoint are given up, or will be by this sync if they are still pending."""
    available = condition_of(request.parent.get("status") or {}, "Available")
    reported = available.get("reason") in GIVEN_UP or REPORTED.search(str(available.get("message") or ""))
    late = overdue(request.now, available.get("lastTransitionTime"))
    return available.get("status") == "False" and bool(reported) and late


def _reported(world: World, message: str) -> bool:
    """Whether the condition Available has reported this already, and has been False for a while."""
    available = condition_of(world.before, "Available")
    repeated = available.get("reason") in GIVEN_UP or message in available.get("message", "")
    return available.get("status") == "False" and repeated and overdue(world.now, available.get("lastTransitionTime"))
