"""The AIMGateways that route requests to an endpoint."""

from collections import Counter
from collections.abc import Mapping

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.gateway.names import routed_digest
from aimlib.protocol.metacontroller import Request
from hooks.endpoint.children.scalers import RoutingGateway

GATEWAYS = f"AIMGateway.{API_VERSION}"


def routing_gateways(request: Request) -> tuple[RoutingGateway, ...]:
    """The AIMGateways that route requests to the parent, by their own status; few are asked for its demand.

    Those of its own namespace come first, and then of each other one the oldest: nobody is pushed out by the gateways
    that a neighbour makes.
    """
    metadata = request.parent["metadata"]
    place = {"namespace": metadata.get("namespace", "default"), "name": metadata["name"]}
    found = (request.related.get(GATEWAYS) or {}).values()
    digest = routed_digest(place["namespace"], place["name"])
    routing = (one["metadata"] for one in found if _routes_to(one.get("status") or {}, place, digest))
    aged = sorted(
        (str(one.get("creationTimestamp")), RoutingGateway(one.get("namespace", "default"), one["name"]))
        for one in routing
    )
    older: Counter[str] = Counter()
    turns: list[tuple[bool, int, RoutingGateway]] = []
    for _, one in aged:
        turns.append((one.namespace != place["namespace"], older[one.namespace], one))
        older[one.namespace] += 1
    return tuple(one for *_, one in sorted(turns, key=lambda turn: turn[:2]))


def _routes_to(status: Raw, place: Mapping[str, str], digest: str) -> bool:
    """Whether a gateway's status has an endpoint, by its place or, where there are many, by its digest."""
    if digest in (status.get("moreEndpoints") or ()):
        return True
    models = status.get("models") or ()
    return any(place.items() <= one.items() for model in models for one in model.get("endpoints") or ())
