"""How a gateway is reached: its Service, and the HTTPRoute that Gateways of the cluster reach it by."""

from aimlib.api.meta import Raw
from aimlib.api.route import GATEWAY_GROUP
from aimlib.gateway.routed import METRICS_PORT
from hooks.gateway.children.owner import TRAFFIC_PORT, GatewayOwner
from hooks.objects.annotations import is_reserved
from hooks.objects.service import service_object


def gateway_service(owner: GatewayOwner) -> Raw:
    """The Service in front of the pods."""
    requested = owner.spec.service
    annotations = {key: text for key, text in requested.annotations.items() if not is_reserved(key)}
    balanced = requested.type == "LoadBalancer"
    spec = {
        "type": requested.type,
        "selector": owner.selector,
        "ports": [{"name": "http", "port": requested.port, "protocol": "TCP", "targetPort": TRAFFIC_PORT}],
        "loadBalancerSourceRanges": list(requested.load_balancer_source_ranges) if balanced else None,
    }
    return service_object({**owner.metadata(owner.child), "annotations": annotations}, spec)


def agents_service(owner: GatewayOwner) -> Raw:
    """The addresses of the agents: an autoscaler sums up what each of them has of an endpoint's requests.

    Apart from the Service of clients, which may be open to the world.
    """
    ports = [{"name": "metrics", "port": METRICS_PORT, "protocol": "TCP", "targetPort": METRICS_PORT}]
    spec = {"type": "ClusterIP", "clusterIP": "None", "selector": owner.selector, "ports": ports}
    return service_object(owner.metadata(owner.agents), spec)


def gateway_route(owner: GatewayOwner) -> Raw | None:
    """An HTTPRoute where the spec names parents; streams may take as long as they need."""
    if not owner.spec.parent_refs:
        return None
    port = owner.spec.service.port
    backend = {"group": "", "kind": "Service", "name": owner.child, "port": port, "weight": 1}
    return {
        "apiVersion": f"{GATEWAY_GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": owner.metadata(owner.child),
        "spec": {
            "parentRefs": [parent.wire() for parent in owner.spec.parent_refs],
            "hostnames": list(owner.spec.hostnames),
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "backendRefs": [backend],
                    "timeouts": {"request": "0s"},
                }
            ],
        },
    }
