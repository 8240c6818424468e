"""How many replicas of an endpoint stay up while nodes are drained or lost."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api import formats
from aimlib.api.base import Model


class Availability(Model):
    """What disruptions leave of an endpoint."""

    min_ready: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Replicas that drains and updates leave ready. When left out: all but one, where there are several."""
    spread: Literal["Node", "Zone"] | None = None
    """Spread replicas evenly over nodes, or over zones (topology.kubernetes.io/zone) and rather over their nodes, too.
    A replica that would not be spread evenly waits. A change of it replaces the pods."""
    group_topology: Annotated[str, formats.LABEL_KEY.field] | None = None
    """A label of nodes, such as that of a rack or a node pool: each replica that is on several nodes is on those of one
    value of it, alone."""
