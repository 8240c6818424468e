"""The gateway hook: a table of the models that endpoints serve, the pods that serve by it, and the status of both."""

from typing import Any

from aimlib.api import API_VERSION
from aimlib.config import Config
from aimlib.gateway.names import shared_names
from aimlib.naming import ROUTED_LABEL
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.metacontroller import BadRequestError, Request, written_status
from aimlib.protocol.observed import GRACE_SECONDS, child_states
from aimlib.protocol.unreadable import spec_message, unreadable_spec
from hooks.gateway.children import gateway_children, with_their_own
from hooks.gateway.children.owner import GatewayOwner
from hooks.gateway.routes import route_table
from hooks.gateway.status import gateway_status
from hooks.gateway.world import observe_gateway, other_namespaces, read_gateway_spec


def customize(request: Request) -> dict[str, Any]:
    """The Services of endpoints that can be routed to, by namespace; and the namespaces, which must allow it.

    Services and not endpoints, whose status changes with each of their pods.
    """
    request.expect(API_VERSION, "AIMGateway")
    own = request.parent["metadata"].get("namespace", "default")
    try:
        others = other_namespaces(read_gateway_spec(request.parent), own)
    except BadRequestError:
        return {"relatedResources": []}
    services = {"apiVersion": "v1", "resource": "services", "labelSelector": {"matchLabels": {ROUTED_LABEL: "true"}}}
    rules: list[dict[str, Any]] = [{**services, "namespace": name} for name in (own, *others)]
    if others:
        rules.append({"apiVersion": "v1", "resource": "namespaces", "names": list(others)})
    return {"relatedResources": rules}


def sync(request: Request, config: Config) -> dict[str, Any]:
    """Status and children of one gateway."""
    request.expect(API_VERSION, "AIMGateway")
    try:
        spec = read_gateway_spec(request.parent)
    except BadRequestError as error:
        return unreadable_spec(request, Verdict("RoutesReady", False, "SpecInvalid", spec_message(error)))
    world = observe_gateway(request, spec)
    names = shared_names(world.routed, world.namespaces)
    routes = route_table(world, names)
    owner = GatewayOwner(world.name, world.namespace, spec, config, world.namespaces, routes.text)
    desired = gateway_children(owner, request.offers)
    states = child_states(request.children, desired)
    status = gateway_status(owner, world, names, routes, states, offers=request.offers)
    pending = any(state.observed is None or not state.applied for state in states.values())
    return {
        "status": written_status(status.wire()),
        "children": list(with_their_own(desired, request.children)),
    } | ({"resyncAfterSeconds": GRACE_SECONDS + 1} if pending else {})
