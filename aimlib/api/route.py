"""How an AIMEndpoint is exposed through Gateways of the cluster: an HTTPRoute of Gateway API."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api import formats
from aimlib.api.base import FieldRule, Model, ObjectName, Ruled

GATEWAY_GROUP = "gateway.networking.k8s.io"
HTTP_ROUTE = f"HTTPRoute.{GATEWAY_GROUP}/v1"

Hostname = Annotated[str, formats.HOSTNAME.field]


class ParentReference(Model):
    """A Gateway that the route is attached to."""

    name: ObjectName
    """Name of the Gateway."""
    namespace: Annotated[str, formats.NAMESPACE.field] | None = None
    """Namespace of the Gateway; that of the endpoint when left out. The Gateway must allow routes from there."""
    section_name: ObjectName | None = None
    """Name of a listener of the Gateway; all of its listeners when left out."""
    group: Annotated[str, Field(max_length=64, pattern=r"^gateway\.networking\.k8s\.io$")] = GATEWAY_GROUP
    """API group of the parent."""
    kind: Literal["Gateway", "ListenerSet"] = "Gateway"
    """Kind of the parent."""


class Route(Ruled):
    """An HTTPRoute to the Service. Needs Gateway API in the cluster and the kustomize component gateway-api."""

    rules = (
        FieldRule(
            "self.parentRefs.all(a, self.parentRefs.exists_one(b, a.name == b.name))",
            "parentRefs must differ in name, whatever namespace and kind: leave out sectionName for all listeners",
            lambda raw: len({parent["name"] for parent in raw["parentRefs"]}) == len(raw["parentRefs"]),
        ),
    )

    parent_refs: Annotated[tuple[ParentReference, ...], Field(min_length=1, max_length=8)]
    """The Gateways to attach to, as in an HTTPRoute."""
    hostnames: Annotated[tuple[Hostname, ...], Field(max_length=16)] = ()
    """Host names that are routed here, such as chat.example.com; whatever the listeners accept when left out."""
    path: Annotated[str, formats.ROUTE_PATH.field] = "/"
    """Path below which requests are routed here. It is taken off: with /chat the API is at /chat/v1."""
    timeout: Annotated[str, formats.ROUTE_DURATION.field] = "10m"
    """Longest time for one request, streamed responses included, such as 90s or 1h; 0s for no limit."""
