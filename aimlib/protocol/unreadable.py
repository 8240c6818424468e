"""The response for a parent whose spec cannot be read: not Ready, for that reason, with everything as it is.

The CRD refuses such a spec, unless it is of another release. An error would leave the status as it was, and so Ready.
"""

import re
from typing import Any

from aimlib.protocol.conditions import Verdict, ready_condition
from aimlib.protocol.last_applied import kept_children
from aimlib.protocol.metacontroller import BadRequestError, Request, written_status
from aimlib.protocol.observed import serves

CONDITION_TYPE = re.compile("[A-Za-z]+")
"""Types of conditions that hooks write; a condition of another type is not carried along."""


def spec_message(error: BadRequestError) -> str:
    """The message about a spec that cannot be read."""
    return f"spec cannot be read: {str(error).removeprefix('spec: ')}; nothing is changed"[:4096]


def unreadable_spec(request: Request, verdict: Verdict) -> dict[str, Any]:
    """Status and children: those before, but for Ready and the condition that is False."""
    found = request.parent.get("status")
    before: dict[str, Any] = dict(found) if isinstance(found, dict) else {}
    generation = request.parent["metadata"].get("generation")
    changed = [one.condition(generation).wire() for one in (ready_condition(verdict), verdict)]
    kept = [
        condition
        for condition in before.get("conditions") or ()
        if CONDITION_TYPE.fullmatch(kind := condition.get("type") or "") and kind not in {"Ready", verdict.type}
    ]
    before.pop("observedGeneration", None)  # Metacontroller adds it
    phase = "Degraded" if serves(request.children) else "Failed"
    status = {**before, "phase": phase, "message": verdict.message, "conditions": [*changed, *kept]}
    return {"status": written_status(status), "children": kept_children(request.children)}
