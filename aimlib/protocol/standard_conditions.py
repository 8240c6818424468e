"""The conditions by which Flux and other users of kstatus tell an object that fails from one that is on its way.

They are there only while they are True, as kstatus has it: https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus
"""

from aimlib.api.meta import Raw

BY_PHASE = {"Failed": "Stalled", "Invalid": "Stalled", "Reconciling": "Reconciling", "Downloading": "Reconciling"}
"""The condition of a phase; a phase that others bring to an end has neither."""
STANDARD = frozenset(BY_PHASE.values())


def with_standard_conditions(status: Raw) -> Raw:
    """The status with Stalled or Reconciling, for the reason that Ready has; without a condition Ready as it is."""
    kept = [one for one in status.get("conditions") or () if one["type"] not in STANDARD]
    ready = next((one for one in kept if one["type"] == "Ready"), None)
    if ready is None:
        return status
    kind = BY_PHASE.get(status.get("phase", ""))
    return {**status, "conditions": [*kept, *([{**ready, "type": kind, "status": "True"}] if kind else [])]}
