"""Sets lastTransitionTime of conditions, on transitions only: a time that changes on every sync causes a hot loop."""

from aimlib.api.meta import Raw
from aimlib.kube.timestamp import is_time
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.reasons import RESTING
from aimlib.protocol.time_of_change import time_of_change


def _comparable(condition: Raw) -> tuple[str, str | None, bool]:
    """The parts of a condition whose change is a transition. A stop and a restart is one, though neither is Ready."""
    return condition.get("type", ""), condition.get("status"), condition.get("reason") in RESTING


def with_transition_times(status: Raw, request: Request) -> Raw:
    """`status` with lastTransitionTime in its conditions; the former one where a condition has not changed."""
    if "conditions" not in status:
        return status
    before = (request.parent.get("status") or {}).get("conditions") or ()
    times_before = {
        one.get("type", ""): one["lastTransitionTime"] for one in before if is_time(one.get("lastTransitionTime"))
    }
    unchanged = {_comparable(one) for one in before if one.get("type", "") in times_before}
    changed = {condition["type"] for condition in status["conditions"] if _comparable(condition) not in unchanged}
    transition_time = time_of_change(request) if changed else ""
    times = times_before | dict.fromkeys(changed, transition_time)
    conditions = [{**one, "lastTransitionTime": times[one["type"]]} for one in status["conditions"]]
    return {**status, "conditions": conditions}
