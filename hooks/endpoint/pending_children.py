"""What is wanted of an endpoint's children and not observed yet: missing ones, unchanged ones, an unbound claim.

Errors of applying children reach no hook, so what stays as it was for long enough is reported instead.
"""

from collections.abc import Collection
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observed import (
    CLAIM_PATIENCE_SECONDS,
    PATIENCE_SECONDS,
    Seen,
    condition,
    last_asked,
    long_ago,
    phase_of,
)

NEVER_CHANGED = frozenset({"PersistentVolumeClaim"})
"""Kinds whose update strategy is OnDelete."""
GIVEN_UP = frozenset({"ChildMissing", "ChildRefused"})
"""Reasons that were given for it; they stand while what is waited for does."""


class Awaited(NamedTuple):
    """What is waited for."""

    missing: str = ""
    """The children that are not there, as `Service chat`."""
    unchanged: str = ""
    """The children that are there as they were wanted before."""
    overdue: str = ""
    """What should be there, changed or bound by now, in words."""
    given_up: bool = False
    """Whether the children have been overdue for so long that they will not come by themselves."""
    resync_seconds: int = 0
    """When to look again; 0 when there is nothing to look for."""

    @property
    def words(self) -> str:
        """All children that are waited for, in words; empty when there is none."""
        children = ", ".join(filter(None, (self.missing, self.unchanged)))
        return f"waiting for {children}" if children else ""


def awaited(request: Request, seen: Collection[Seen], before: Raw, since: str | None = None) -> Awaited:
    """What is not as it is wanted. Given up is what was said to be overdue before, and for long enough.

    `since` is when children were last wanted otherwise for another reason than the parent's spec.
    """
    changeable = [one for one in seen if one.found and one.desired["kind"] not in NEVER_CHANGED]
    waiting = Awaited(
        missing=", ".join(_name(one.desired) for one in seen if one.found is None),
        unchanged=", ".join(_name(one.desired) for one in changeable if not one.applied),
    )
    unbound = next((_name(one.desired) for one in seen if phase_of(one.found) == "Pending"), "")
    asked = max(filter(None, (last_asked(request.parent), since)), default=None)
    late = waiting.words if long_ago(request, asked) else ""
    claim = f"{unbound} is not bound" if unbound and long_ago(request, asked, CLAIM_PATIENCE_SECONDS) else ""
    return waiting._replace(
        overdue="; ".join(filter(None, (late, claim))),
        given_up=bool(late) and _said(request, before, late),
        resync_seconds=PATIENCE_SECONDS + 1 if waiting.words else CLAIM_PATIENCE_SECONDS + 1 if unbound else 0,
    )


def _said(request: Request, before: Raw, words: str) -> bool:
    """Whether the condition Available has said so already, and has been False for a while."""
    said = condition(before, "Available")
    repeated = said.get("reason") in GIVEN_UP or words in said.get("message", "")
    return said.get("status") == "False" and repeated and long_ago(request, said.get("lastTransitionTime"))


def _name(child: Raw) -> str:
    return f"{child['kind']} {child['metadata']['name']}"
