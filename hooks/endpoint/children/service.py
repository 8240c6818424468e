"""The Service in front of an endpoint's replicas."""

from aimlib.api import GROUP
from aimlib.api.meta import Raw
from aimlib.caching.usage import usage_metadata
from hooks.endpoint.children.owner import Owner

RESERVED = (GROUP, "metacontroller.k8s.io")
"""Domains whose annotations on a child the operator and Metacontroller read back, so that no spec may state them."""


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
            "selector": owner.selector,
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


def is_reserved(key: str) -> bool:
    """Whether an annotation is the operator's or Metacontroller's."""
    domain = f".{key.rpartition('/')[0]}"
    return any(domain.endswith(f".{one}") for one in RESERVED)
