"""How many requests an endpoint has: a lease, which ends once its model has been there without any for a while.

An autoscaler that counted requests alone would take the model away while it loads, as soon as its clients go.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aimlib.gateway.table import HOLDER, Target

ACTIVE, PENDING, TOTAL, HEALTHY = (
    "upstream_rq_active",
    "upstream_rq_pending_active",
    "upstream_rq_total",
    "membership_healthy",
)
"""What Envoy counts of the cluster of each target: requests that a replica, or the agent, has; those that wait for a
connection; all that ever came; members that answer their probe."""
CLUSTER_COUNTS = (ACTIVE, PENDING, TOTAL, HEALTHY)
STOPPED = frozenset({"Stopped", "Suspended"})
"""Phases in which somebody stopped the endpoint by hand."""
AT_REST = frozenset({"Idle", *STOPPED})
"""Phases in which nobody has requested the model, for all that an agent knows that has just been started."""


class EndpointLook(NamedTuple):
    """An endpoint at one moment, as one agent sees it."""

    requests: int
    """That are held or run."""
    total: int
    """All that ever came; a counter that may begin anew."""
    ready: bool
    """Whether a replica of it answers."""
    phase: str
    """Of those that are recorded; empty for each other one."""
    idle_seconds: int


class Lease(NamedTuple):
    """What is remembered of an endpoint."""

    total: int
    since: float | None
    """When it became idle: the later of its last request and the last look without a replica; None: no lease."""

    def demand(self, seen: EndpointLook) -> int:
        """Requests; at least one while there is a lease."""
        return max(seen.requests, int(self.since is not None))


def leased(before: Lease | None, seen: EndpointLook, now: float) -> Lease:
    """What is remembered from now on; `before` is None at the first look.

    An agent that has just been started cannot know when the last request came: to an endpoint that is not at rest, its
    own start is one.
    """
    asked = seen.requests > 0 or (seen.phase not in AT_REST if before is None else seen.total != before.total)
    since = now if asked else before.since if before else None
    if since is None or (seen.phase in STOPPED and not asked):
        return Lease(seen.total, None)
    if not seen.ready:  # a model that loads is not idle, however long that takes
        return Lease(seen.total, now)
    return Lease(seen.total, None if now - since >= seen.idle_seconds and not asked else since)


def seen_of(tracks: Iterable[Target], held: Mapping[str, int], counts: Mapping[str, int]) -> EndpointLook:
    """An endpoint from all its tracks; `counts` are Envoy's own by name.

    A request that is held is one that Envoy has sent to the agent, so the larger of both numbers counts.
    """
    requests, total, ready, phase, idle = 0, 0, False, "", 0
    for one in tracks:
        active, pending, ever, healthy = (counts.get(f"cluster.{one.name}.{what}", 0) for what in CLUSTER_COUNTS)
        requests += max(active + pending, held.get(one.name, 0))
        total += ever
        # The agent itself is a member that always answers.
        ready |= healthy > (one.fallback is not None and one.fallback.host == HOLDER)
        phase, idle = phase or one.progress, max(idle, one.idle_seconds)
    return EndpointLook(requests, total, ready, phase, idle)
