"""The status of an AIMGateway: where it is, and what it routes."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api import formats
from aimlib.api.base import MessageText, Model, Name, Text
from aimlib.api.meta import Conditions
from aimlib.api.routing import RoutedName

MOST_LISTED = 256
MOST_DIGESTS = 4096
"""More than a table has room for."""


class RoutedEndpoint(Model):
    """An endpoint that serves a model."""

    namespace: Name
    """Namespace of the endpoint."""
    name: Name
    """Name of the endpoint."""
    weight: Annotated[int, Field(ge=0, le=100)]
    """Its part of the requests, of the sum of all endpoints of the model."""
    state: Text | None = None
    """Phase of the endpoint while it is Pending, Failed, Stopped or Idle; Suspended while spec.suspend stops it."""


class RoutedModel(Model):
    """A model by one of its names."""

    name: RoutedName
    """The name in requests."""
    endpoints: Annotated[tuple[RoutedEndpoint, ...], Field(max_length=32)]
    """Who serves it."""


class GatewayReplicas(Model):
    """Pods of the gateway."""

    desired: int
    """Pods that are requested."""
    ready: int
    """Pods that are ready."""


class GatewayStatus(Model):
    """Where the gateway is, and what it routes."""

    observed_generation: int | None = None
    """The generation that this status was computed from."""
    phase: Literal["Pending", "Reconciling", "Ready", "Degraded", "Failed"] | None = None
    """Pending: waits for other objects. Reconciling: becomes ready. Ready. Degraded: serves, and not all that was
    requested. Failed: needs your action."""
    message: MessageText | None = None
    """What it waits for, what is wrong, or what it routes."""
    url: Text | None = None
    """Base URL for clients of OpenAI's API in the cluster."""
    replicas: GatewayReplicas | None = None
    """Pods of the gateway."""
    routes: int | None = None
    """Names of models that are routed."""
    models: Annotated[tuple[RoutedModel, ...], Field(max_length=MOST_LISTED)] = ()
    """The first of them, in the order of their names."""
    more_endpoints: Annotated[
        tuple[Annotated[str, formats.ROUTED_DIGEST.field], ...], Field(max_length=MOST_DIGESTS)
    ] = ()
    """Endpoints that are routed and not in that list, as digests of namespace and name: their canaries and
    what starts them from zero go by it."""
    warnings: tuple[MessageText, ...] = ()
    """Settings that have no effect."""
    conditions: Conditions = ()
    """The conditions Ready, RoutesReady, ModelsUnique and ClientsReady."""
