"""The children of a gateway: one builder per kind, each a literal that reads like the YAML it becomes."""

from collections.abc import Callable, Iterator, Sequence

from aimlib.api.meta import Raw
from aimlib.api.route import HTTP_ROUTE
from aimlib.protocol.metacontroller import prune
from aimlib.protocol.observed import Children, find_child, kind_key
from hooks.gateway.children.deployment import gateway_deployment
from hooks.gateway.children.network_policy import network_policy
from hooks.gateway.children.owner import GatewayOwner
from hooks.gateway.children.services import agents_service, gateway_route, gateway_service
from hooks.objects.config_map import config_map
from hooks.objects.service_account import account

USED_BY = {"Deployment": ("ConfigMap", "ServiceAccount"), "HTTPRoute": ("Service",)}
"""Kinds of children that a child uses by name: it is created once they are observed as the gateway's own."""


def gateway_children(owner: GatewayOwner, offers: Callable[[str], bool]) -> list[Raw]:
    """Every child that is desired, without anything that would never converge."""
    built = (
        config_map(owner.metadata(owner.routes), {"table.json": owner.table}),
        account(owner.metadata(owner.child)),
        gateway_service(owner),
        agents_service(owner),
        gateway_deployment(owner),
        _budget(owner),
        network_policy(owner),
        gateway_route(owner) if offers(HTTP_ROUTE) else None,
    )
    return [prune(child) for child in built if child is not None]


def with_their_own(desired: Sequence[Raw], observed: Children) -> Iterator[Raw]:
    """The desired children without new ones that would use what is not observed: it may be another's by that name."""
    missing = {child["kind"] for child in desired if _find(observed, child) is None}
    for child in desired:
        if _find(observed, child) is not None or missing.isdisjoint(USED_BY.get(child["kind"], ())):
            yield child


def _find(observed: Children, child: Raw) -> Raw | None:
    return find_child(observed, kind_key(child), child["metadata"]["name"])


def _budget(owner: GatewayOwner) -> Raw | None:
    """One pod may be missing. A single one has no budget: it would block every drain."""
    if owner.spec.replicas < 2:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": owner.metadata(owner.child),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": owner.selector}},
    }
