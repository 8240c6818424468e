"""The Service in front of an endpoint's replicas."""

from aimlib.api.meta import Raw
from aimlib.caching.usage import usage_metadata
from hooks.endpoint.children.owner import Owner
from hooks.objects.annotations import is_reserved


def service(owner: Owner) -> Raw:
    """ClusterIP, NodePort or LoadBalancer; the fields of a load balancer are set for that type alone."""
    requested = owner.spec.service
    balanced = requested.type == "LoadBalancer"
    reachable = requested.type != "ClusterIP"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": usage_metadata({**owner.metadata(owner.child), "annotations": _annotations(owner)}, owner.uses),
        "spec": {
            "type": requested.type,
            "selector": owner.serving_selector,
            "ports": [
                {
                    "name": "http",
                    "port": requested.port,
                    "protocol": "TCP",
                    "targetPort": owner.serving_port,
                    "nodePort": requested.node_port if reachable else None,
                }
            ],
            "externalTrafficPolicy": requested.external_traffic_policy if reachable else None,
            "loadBalancerIP": requested.load_balancer_ip if balanced else None,
            "loadBalancerClass": requested.load_balancer_class if balanced else None,
            "loadBalancerSourceRanges": requested.load_balancer_source_ranges if balanced else None,
        },
    }


def _annotations(owner: Owner) -> dict[str, str]:
    return {key: text for key, text in owner.spec.service.annotations.items() if not is_reserved(key)}
