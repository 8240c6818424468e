"""What a gateway's sync is about: its spec, the namespaces that allow it, and the Services that it may route to."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from aimlib.api.gateway import GatewaySpec
from aimlib.api.meta import Raw
from aimlib.gateway.routed import Routed, read_routed
from aimlib.naming import MODELS_LABEL
from aimlib.protocol.given_up import ServerAnswers
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observations import SYNC_ERRORS
from aimlib.protocol.observed import condition_of, last_changed, requested_since
from aimlib.schema.parsing import parse_again

SERVICES, NAMESPACES = "Service.v1", "Namespace.v1"
ALLOWED = "use"
"""The value of MODELS_LABEL by which a namespace lets its models be used from elsewhere."""


class GatewayWorld(NamedTuple):
    """One gateway, and what it may route to."""

    name: str
    namespace: str
    generation: int | None
    spec: GatewaySpec
    now: datetime
    requested_at: str | None
    """Since when the children of the present spec are requested."""
    created: str
    """When the gateway was created."""
    namespaces: tuple[str, ...]
    """Its own, and those of the spec that allow it, in their order."""
    refused: tuple[str, ...]
    """Namespaces of the spec that are not there, or do not allow it."""
    routed: tuple[Routed, ...]
    """The Services that it may route to."""
    unreadable: tuple[str, ...]
    """Services that have the label and are not as an endpoint makes them, as namespace/name."""
    answers: ServerAnswers
    """What is known of the API server's answers to the gateway's children."""


def read_gateway_spec(parent: Raw) -> GatewaySpec:
    """The parent's spec. BadRequestError where the CRD should have refused it."""
    return parse_again(GatewaySpec, parent.get("spec"))


def other_namespaces(spec: GatewaySpec, own: str) -> tuple[str, ...]:
    """Those of the spec, each once, without its own."""
    return tuple(name for name in dict.fromkeys(spec.namespaces) if name != own)


def observe_gateway(request: Request, spec: GatewaySpec) -> GatewayWorld:
    """Everything of a request that the hook reads beside the spec; what is related and not requested is left out."""
    metadata = request.parent["metadata"]
    own = metadata.get("namespace", "default")
    others = other_namespaces(spec, own)
    allowing = _allowing(request.found(NAMESPACES)) if others else set()
    namespaces = (own, *(name for name in others if name in allowing))
    services = [one for one in request.found(SERVICES) if one["metadata"].get("namespace") in namespaces]
    read = [(one, read_routed(one)) for one in services]
    before, changed_at = condition_of(request.parent.get("status") or {}, "Ready"), last_changed(request.parent)
    errors = request.observations.get(SYNC_ERRORS)
    return GatewayWorld(
        name=metadata["name"],
        namespace=own,
        generation=metadata.get("generation"),
        spec=spec,
        now=request.now,
        requested_at=requested_since(request.parent, request.now),
        created=str(metadata.get("creationTimestamp") or ""),
        namespaces=namespaces,
        refused=tuple(name for name in others if name not in allowing),
        routed=tuple(one for _, one in read if one and one.has_labels(spec.endpoint_selector.match_labels)),
        unreadable=tuple(_place(service) for service, one in read if one is None),
        answers=ServerAnswers(errors, before, metadata.get("generation"), changed_at, request.now),
    )


def _allowing(namespaces: Iterable[Raw]) -> set[str]:
    """Names of the namespaces that let their models be used; not of those that are being deleted."""
    return {
        one["metadata"]["name"]
        for one in namespaces
        if (one["metadata"].get("labels") or {}).get(MODELS_LABEL) == ALLOWED
        and "deletionTimestamp" not in one["metadata"]
    }


def _place(service: Raw) -> str:
    metadata = service["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"
