"""Who reaches a gateway's pods, and whom they reach."""

from aimlib.api import GROUP
from aimlib.api.meta import Raw
from aimlib.gateway.routed import METRICS_PORT
from hooks.gateway.children.owner import TRAFFIC_PORT, GatewayOwner

NAMESPACE_NAME = "kubernetes.io/metadata.name"
NAME_SERVERS = {
    "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}


def network_policy(owner: GatewayOwner) -> Raw:
    """Clients come from anywhere; it asks for names, and reaches the pods of endpoints where it routes to."""
    scraping = {"namespaceSelector": {"matchLabels": {f"{GROUP}/metrics": "scrape"}}}
    servers = {
        "namespaceSelector": {
            "matchExpressions": [{"key": NAMESPACE_NAME, "operator": "In", "values": list(owner.namespaces)}]
        },
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "aim-endpoint"}},
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": owner.metadata(owner.child),
        "spec": {
            "podSelector": {"matchLabels": owner.selector},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"ports": [_port("TCP", TRAFFIC_PORT)]},
                {"from": [scraping], "ports": [_port("TCP", METRICS_PORT)]},
            ],
            "egress": [
                {"to": [NAME_SERVERS], "ports": [_port("UDP", 53), _port("TCP", 53)]},
                {"to": [servers]},
            ],
        },
    }


def _port(protocol: str, number: int) -> Raw:
    return {"protocol": protocol, "port": number}
