"""The children of an endpoint: one builder per kind, each a literal that reads like the YAML it becomes."""

from collections.abc import Callable
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.api.route import HTTP_ROUTE
from aimlib.api.vertical import VERTICAL_POD_AUTOSCALER
from aimlib.kube.server_kinds import LEADER_WORKER_SET
from aimlib.protocol.metacontroller import prune
from hooks.endpoint.children.claim import claim
from hooks.endpoint.children.compile_cache import compile_claim
from hooks.endpoint.children.dashboard import dashboard
from hooks.endpoint.children.deployment import deployment
from hooks.endpoint.children.device_claims import CLAIM_TEMPLATE, claim_template
from hooks.endpoint.children.hpa import autoscaler
from hooks.endpoint.children.http_route import http_route
from hooks.endpoint.children.leader_worker_set import made_anew
from hooks.endpoint.children.own_cache import own_cache
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.pdb import disruption_budget
from hooks.endpoint.children.routed import routed_service
from hooks.endpoint.children.scaled_object import SCALED_OBJECT, scaled_object
from hooks.endpoint.children.service import service
from hooks.endpoint.children.service_account import service_account
from hooks.endpoint.children.vpa import vertical_autoscaler, wants_vertical
from hooks.objects.optional_kind import needs_component, without_component

BUILDERS = (
    service,
    routed_service,
    claim,
    compile_claim,
    own_cache,
    service_account,
    autoscaler,
    disruption_budget,
    dashboard,
)
"""What is built beside the Deployment."""


class OptionalChild(NamedTuple):
    """A kind that not every cluster has: a kustomize component declares it to Metacontroller."""

    kind: str
    """`Kind.group/version`."""
    resource: str
    """The plural by which a controller declares the kind."""
    component: str
    """The component in manifests/components that adds it."""
    field: str
    """The field of the spec that requests it, or what needs it."""
    requested: Callable[[Owner], bool]
    build: Callable[[Owner], Raw | None]
    consequence: str = ""
    """What that means where it is more than a field without effect."""

    @property
    def declared_as(self) -> str:
        """As a controller declares it: `resource.group/version`."""
        return f"{self.resource}.{self.kind.partition('.')[2]}"

    @property
    def message(self) -> str:
        """That the kind is not offered, and what brings it."""
        if self.consequence:
            return needs_component(self.field, self.kind, self.component, self.consequence)
        return without_component(self.field, self.kind, self.component)


OPTIONAL = (
    OptionalChild(
        kind=HTTP_ROUTE,
        resource="httproutes",
        component="gateway-api",
        field="service.route",
        requested=lambda owner: owner.spec.service.route is not None,
        build=http_route,
    ),
    OptionalChild(
        kind=SCALED_OBJECT,
        resource="scaledobjects",
        component="keda",
        field="scaling to zero and on load",
        requested=lambda owner: owner.spec.scaling is not None and owner.spec.scaling.to_zero,
        build=scaled_object,
    ),
    OptionalChild(
        kind=VERTICAL_POD_AUTOSCALER,
        resource="verticalpodautoscalers",
        component="vpa",
        field="scaling.vertical",
        requested=lambda owner: wants_vertical(owner.spec),
        build=vertical_autoscaler,
    ),
    OptionalChild(
        kind=CLAIM_TEMPLATE,
        resource="resourceclaimtemplates",
        component="dra",
        field="the request for GPUs by a ResourceClaim",
        requested=lambda owner: owner.resolved.device_claim is not None,
        build=claim_template,
    ),
    OptionalChild(
        kind=LEADER_WORKER_SET,
        resource="leaderworkersets",
        component="multi-node",
        field="a replica on several nodes",
        requested=lambda owner: owner.resolved.nodes is not None,
        build=lambda _: None,  # it takes the Deployment's place
        consequence="what runs of it is left as it is, and nothing of it is told",
    ),
)


def children(owner: Owner, offers: Callable[[str], bool], engine: Raw | None = None) -> list[Raw]:
    """Every child that this endpoint desires, without anything that would never converge.

    `offers` tells of a kind whether it may be desired; a builder of another kind is not called. `engine` is the
    Deployment of the owner's engine, where it has been built.
    """
    builders: tuple[Callable[[Owner], Raw | None], ...] = (
        *BUILDERS,
        *(child.build for child in OPTIONAL if offers(child.kind)),
    )
    first = engine if engine and owner.hold is None else prune(deployment(owner))
    if first and first["kind"] != "Deployment" and (made_anew(owner) or not offers(LEADER_WORKER_SET)):
        first = None
    built = [first, *(prune(builder(owner)) for builder in builders)]
    return [child for child in built if child is not None]


def not_offered(owner: Owner, offers: Callable[[str], bool]) -> tuple[OptionalChild, ...]:
    """The optional kinds that the endpoint needs and the controller does not declare."""
    return tuple(child for child in OPTIONAL if child.requested(owner) and not offers(child.kind))
