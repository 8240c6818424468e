"""AIMGateway: one URL for the models of several endpoints. Its status is in `gateway_status`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from aimlib.api import formats
from aimlib.api.base import FieldRule, Model, ObjectName, Port, Quantity, Ruled, Text
from aimlib.api.gateway_status import GatewayStatus
from aimlib.api.meta import K8sObject
from aimlib.api.pod import Labels
from aimlib.api.route import Hostname, ParentReference
from aimlib.kube.quantity import parse_quantity

SMALLEST_REQUEST, LARGEST_REQUEST = "1Ki", "1Gi"


UsableModel = Annotated[str, formats.USABLE_MODEL.field]
"""A name of a model, or * for all."""


class EndpointSelector(Model):
    """Which endpoints are routed to."""

    match_labels: Labels = Field(default_factory=dict)
    """Labels that an endpoint must have."""


class GatewayService(Model):
    """The Service in front of the gateway's pods."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Type of the Service: ClusterIP, NodePort or LoadBalancer."""
    port: Port = 80
    """Port of the Service."""
    annotations: Annotated[dict[str, Text], Field(max_length=32)] = Field(default_factory=dict)
    """Annotations of the Service, such as those of a load balancer; an administrator's list bounds them."""
    load_balancer_source_ranges: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=64)] = ()
    """Client networks, in CIDR notation, from which the load balancer accepts connections."""


class GatewayTls(Model):
    """The certificate that clients are shown."""

    secret_name: ObjectName
    """Secret of this namespace with tls.crt and tls.key. What is renewed there is used without a restart."""


class ClientLimit(Model):
    """What one client may do."""

    client: Annotated[str, formats.GATEWAY_CLIENT.field]
    """The key of the Secret that has its API keys; * for all that have no row."""
    models: Annotated[tuple[UsableModel, ...], Field(max_length=64)] = ("*",)
    """Names of the models that it may use; * for all."""
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Requests in a minute, of all replicas of the gateway together; no limit when left out."""
    concurrent_requests: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Requests at once, of all replicas of the gateway together, those that wait for a model included; each replica has
    its part, rounded up. No limit when left out."""
    reserved_tokens_per_minute: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """Tokens in a minute: of prompts, estimated, and the most that answers may have. They are charged when a request
    comes, and nothing is given back for a shorter answer."""


ClientLimits = Annotated[
    tuple[ClientLimit, ...],
    Field(
        max_length=256, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["client"]}
    ),
]


class GatewayClients(Ruled):
    """Who may send requests."""

    rules = (
        FieldRule(
            "has(self.secretName) != (has(self.anonymous) && self.anonymous)",
            "state either clients.secretName, whose keys are the clients, or clients.anonymous: true",
            lambda raw: ("secretName" in raw) != (raw.get("anonymous", False) is True),
        ),
        FieldRule(
            "!has(self.limits) || self.limits.all(a, self.limits.exists_one(b, a.client == b.client))",
            "clients.limits has a client more than once",
            lambda raw: len({one["client"] for one in raw.get("limits", ())}) == len(raw.get("limits", ())),
        ),
        FieldRule(
            "!has(self.anonymous) || !self.anonymous || !has(self.limits) || self.limits.all(a, a.client == '*')",
            "with clients.anonymous: true no request has a client: clients.limits can have the row * alone",
            lambda raw: raw.get("anonymous") is not True or all(one["client"] == "*" for one in raw.get("limits", ())),
        ),
    )

    secret_name: ObjectName | None = None
    """Secret of this namespace: each of its keys is a client, each line of the value one API key of it. The operator
    reads it nowhere; the gateway's pods have it mounted, and follow changes within about a minute."""
    anonymous: bool = False
    """Whether requests need no API key."""
    limits: ClientLimits = ()
    """What each client may do; anything without rows."""


Origins = Annotated[
    tuple[Annotated[str, formats.ORIGIN.field], ...],
    Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"}),
]


class GatewayCors(Model):
    """Web pages in browsers."""

    allow_origins: Origins = ()
    """Origins whose pages may read answers, such as https://chat.example.com; none when left out. Their requests need
    an API key as all others do; cookies are of no use."""


class GatewayBalancing(Model):
    """Which replica of a model gets a request."""

    policy: Literal["PrefixAffinity", "LeastRequests", "RoundRobin"] = "PrefixAffinity"
    """PrefixAffinity: the replica that had a request of the same beginning, whose prefix cache has it."""
    prefix_bytes: Annotated[int, Field(ge=64, le=65536)] = 2048
    """Bytes of a request's body that are its beginning."""
    load_percent: Annotated[int, Field(ge=101, le=1000)] = 125
    """Percent of the mean number of requests above which a replica gets no more by its prefix."""


class GatewayHolding(Model):
    """Requests for models that have no ready replica."""

    seconds: Annotated[int, Field(ge=1, le=3600)] = 600
    """How long a request may wait."""
    requests: Annotated[int, Field(ge=0, le=10_000)] = 100
    """How many may wait at once in each replica of the gateway; 0 for none."""


class GatewayTimeouts(Model):
    """How long requests may take."""

    seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    """From the end of a request to the end of its answer, a stream included; 0 for as long as it takes."""
    idle_seconds: Annotated[int, Field(ge=1, le=86_400)] = 3600
    """How long a stream may be silent, and an answer may keep its client waiting."""
    retries: Annotated[int, Field(ge=0, le=10)] = 5
    """How often another replica is tried, for a request that none has begun to answer."""


def _is_between(raw: Mapping[str, Any]) -> bool:
    size = parse_quantity(raw.get("maxRequestBytes", "32Mi"))
    return parse_quantity(SMALLEST_REQUEST) <= size <= parse_quantity(LARGEST_REQUEST)


class GatewaySpec(Ruled):
    """Which endpoints are reached at one URL, by whom, and how."""

    rules = (
        FieldRule(
            "!has(self.maxRequestBytes) || (quantity(self.maxRequestBytes).compareTo(quantity('1Ki')) >= 0 && "
            "quantity(self.maxRequestBytes).compareTo(quantity('1Gi')) <= 0)",
            "maxRequestBytes must be from 1Ki to 1Gi",
            _is_between,
        ),
        FieldRule(
            "!has(self.parentRefs) || self.parentRefs.all(a, self.parentRefs.exists_one(b, a.name == b.name))",
            "parentRefs must differ in name, whatever namespace and kind: leave out sectionName for all listeners",
            lambda raw: len({one["name"] for one in raw.get("parentRefs", ())}) == len(raw.get("parentRefs", ())),
        ),
        FieldRule(
            "!has(self.hostnames) || self.hostnames.size() == 0 || "
            "(has(self.parentRefs) && self.parentRefs.size() > 0)",
            "hostnames are those of an HTTPRoute: state parentRefs, too",
            lambda raw: not raw.get("hostnames") or bool(raw.get("parentRefs")),
        ),
    )

    replicas: Annotated[int, Field(ge=1, le=100)] = 2
    """Number of pods."""
    namespaces: Annotated[tuple[Annotated[str, formats.NAMESPACE.field], ...], Field(max_length=64)] = ()
    """Namespaces whose endpoints are routed to, beside its own; each must carry the label
    aim.engine.amd.com/models: use. A name that several have belongs to its own, else to the first of these."""
    endpoint_selector: EndpointSelector = EndpointSelector()
    """Which endpoints there; every one whose spec.routing.enabled is not false when left out."""
    service: GatewayService = GatewayService()
    """The Service in front of the pods."""
    tls: GatewayTls | None = None
    """Serve by TLS."""
    parent_refs: Annotated[tuple[ParentReference, ...], Field(max_length=8)] = ()
    """Gateways of the cluster that an HTTPRoute to the Service is attached to. Needs the kustomize component
    gateway-api."""
    hostnames: Annotated[tuple[Hostname, ...], Field(max_length=16)] = ()
    """Host names of that HTTPRoute, such as models.example.com; whatever the listeners accept when left out."""
    clients: GatewayClients
    """Who may send requests."""
    cors: GatewayCors = GatewayCors()
    """Web pages in browsers that may read answers."""
    balancing: GatewayBalancing = GatewayBalancing()
    """Which replica of a model gets a request."""
    holding: GatewayHolding = GatewayHolding()
    """Requests for models that have no ready replica."""
    timeouts: GatewayTimeouts = GatewayTimeouts()
    """How long requests may take, and how often another replica is tried."""
    max_request_bytes: Quantity = "32Mi"
    """Largest body of a request, from 1Ki to 1Gi."""


class AIMGateway(K8sObject):
    """One URL for many models, with API keys, limits and balancing."""

    spec: GatewaySpec
    status: GatewayStatus | None = None
