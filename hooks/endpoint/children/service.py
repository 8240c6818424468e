"""The Service in front of an endpoint's replicas."""

from aimlib.api.meta import Raw
from aimlib.caching.usage import usage_annotation, usage_labels
from hooks.endpoint.children.owner import Owner


def service(owner: Owner) -> Raw:
    """ClusterIP, NodePort or LoadBalancer; the fields of a load balancer are set for that type alone."""
    asked = owner.spec.service
    balanced = asked.type == "LoadBalancer"
    reachable = asked.type != "ClusterIP"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            **owner.metadata(owner.child),
            "labels": {**owner.labels, **usage_labels(owner.uses)},
            "annotations": {**asked.annotations, **usage_annotation(owner.uses)},
        },
        "spec": {
            "type": asked.type,
            "selector": owner.selector,
            "ports": [
                {
                    "name": "http",
                    "port": asked.port,
                    "protocol": "TCP",
                    "targetPort": owner.serving_port,
                    "nodePort": asked.node_port if reachable else None,
                }
            ],
            "externalTrafficPolicy": asked.external_traffic_policy if reachable else None,
            "loadBalancerIP": asked.load_balancer_ip if balanced else None,
            "loadBalancerClass": asked.load_balancer_class if balanced else None,
            "loadBalancerSourceRanges": asked.load_balancer_source_ranges if balanced else None,
        },
    }
