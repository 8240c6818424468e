"""Pods that share a cache's volume: which access modes keep them on one node, and the affinity for that."""

from aimlib.api.meta import Raw
from aimlib.naming import CACHE_LABEL, label_value

ONE_NODE = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})
"""Access modes that require all pods to be on one node."""
HOST = "kubernetes.io/hostname"


def same_node(cache: str) -> Raw:
    """Affinity to the other pods of a cache; the scheduler exempts the first one (kubernetes.io, pod affinity)."""
    return {"requiredDuringSchedulingIgnoredDuringExecution": [pods_of(cache)]}


def pods_of(cache: str, **labels: str) -> Raw:
    """The affinity term for nodes with pods of a cache that have these labels."""
    selector = {"matchLabels": {CACHE_LABEL: label_value(cache), **labels}}
    return {"labelSelector": selector, "topologyKey": HOST}
