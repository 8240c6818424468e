"""Gateways beside planned endpoints, as if those were routed to already."""

from collections.abc import Iterable, Iterator

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.meta import Raw
from aimlib.gateway.names import routed_digest


def routing_to(endpoint: Raw, spec: EndpointSpec, gateways: Iterable[Raw]) -> Iterator[Raw]:
    """The AIMGateways that would route to an endpoint, each with a status that has it.

    That its namespace lets a gateway of another one use its models is assumed.
    """
    namespace, labels = endpoint["metadata"]["namespace"], endpoint["metadata"].get("labels") or {}
    for gateway in gateways if spec.routing.enabled else ():
        stated = gateway["spec"]
        selector = (stated.get("endpointSelector") or {}).get("matchLabels") or {}
        reached = {gateway["metadata"]["namespace"], *(stated.get("namespaces") or ())}
        if namespace in reached and selector.items() <= labels.items():
            digest = routed_digest(namespace, endpoint["metadata"]["name"])
            yield {**gateway, "status": {"moreEndpoints": [digest]}}
