"""What may scale an endpoint on this cluster, and the bounds that follow."""

from typing import NamedTuple

from aimlib.api.scaling import Headroom, Scaling
from aimlib.scaling.anticipation import USUAL_STARTUP_SECONDS
from aimlib.scaling.schedule import ScheduledTime


class RoutingGateway(NamedTuple):
    """An AIMGateway that routes requests to the endpoint."""

    namespace: str
    name: str


class Scalers(NamedTuple):
    """What there is of autoscalers."""

    keda: bool = False
    """Whether a ScaledObject may be desired."""
    gateways: tuple[RoutingGateway, ...] = ()
    """The gateways that hold requests for the endpoint."""
    observed: frozenset[str] = frozenset()
    """The kinds of autoscalers that the endpoint has. The API server refuses one while another has the same target."""
    loading: bool = False
    """Whether the first replica has not loaded its model yet, and may still do so."""

    scheduled: int = 0
    """The fewest replicas by the schedule, at this moment; 0 where no time of it counts."""
    times: tuple[ScheduledTime, ...] = ()
    """The times of the schedule that are or come next, the one that decides first."""

    startup_seconds: int = USUAL_STARTUP_SECONDS
    """What a replica takes to start, rounded so that it seldom changes."""

    headroom: Headroom | None = None
    """By what the target of requests is adapted, where it is."""

    def reaches_zero(self, scaling: Scaling | None) -> bool:
        """Whether the autoscaler may stop the endpoint: something must see the request that starts it again."""
        return scaling is not None and scaling.to_zero and self.keda and bool(self.gateways)

    def least(self, scaling: Scaling) -> int:
        """The fewest replicas of an endpoint that is not stopped."""
        usual = 0 if self.reaches_zero(scaling) else max(scaling.min_replicas, 1)
        return max(usual, self.scheduled)
