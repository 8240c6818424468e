"""Times of conditions: set at the edge and only on a transition, since a status with a moving time never settles."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aimlib.api.meta import Raw


def stamp(status: Raw, before: Mapping[str, Any], now: datetime) -> Raw:
    """`status` with lastTransitionTime in its conditions: the earlier one while a condition's status stands."""
    known = {one.get("type"): one for one in before.get("conditions") or ()}
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def since(condition: Raw) -> str:
        earlier = known.get(condition["type"], {})
        same = earlier.get("status") == condition["status"]
        return earlier.get("lastTransitionTime") or moment if same else moment

    if "conditions" not in status:
        return status
    stamped = [{**condition, "lastTransitionTime": since(condition)} for condition in status["conditions"]]
    return {**status, "conditions": stamped}
