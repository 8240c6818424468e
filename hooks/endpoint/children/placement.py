"""Where an endpoint's pods may run: nodes with the chosen GPUs, found by their labels and not by the recipe's name."""

from collections import defaultdict
from collections.abc import Iterable

from aimlib.api.endpoint_status import Resolved
from aimlib.api.meta import Raw
from aimlib.hardware.labels import AMD_COUNTED_ID, AMD_ID, AMD_PARTITION, AMD_PARTITIONED, NVIDIA_PRODUCT
from hooks.endpoint.children.owner import Owner


def affinity(owner: Owner) -> Raw | None:
    """Node affinity for the chosen hardware; none for CPUs, and none where the resource's name suffices."""
    terms = _terms(owner)
    if not terms:
        return None
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _terms(owner: Owner) -> list[Raw]:
    """Any one of these is enough."""
    resolved = owner.resolved
    if resolved.node_products:
        return [{"matchExpressions": [_any_of(NVIDIA_PRODUCT, resolved.node_products)]}]
    forms = owner.since(2, _recognised(resolved)) or _every_form(resolved)
    return [{"matchExpressions": [form, *_partition(resolved)]} for form in forms]


def _recognised(resolved: Resolved) -> list[Raw]:
    """The labels by which the inventory knew the nodes, and the id's usual one; few, since each node is compared."""
    if not resolved.node_labels:
        return []
    values = defaultdict(set, {AMD_ID: set(resolved.device_ids)})
    counted = []
    for label in resolved.node_labels:
        key, equals, value = label.partition("=")
        if equals:
            values[key].add(value)
        else:
            counted.append(key)
    stated = [_any_of(key, several) for key, several in sorted(values.items()) if several]
    return [*stated, *map(_exists, counted)]


def _every_form(resolved: Resolved) -> list[Raw]:
    """Each form in which a label may have one of the product's ids."""
    if not resolved.device_ids:
        return []
    counted = (f"{AMD_COUNTED_ID}.{device_id}" for device_id in sorted(resolved.device_ids))
    return [_any_of(AMD_ID, resolved.device_ids), *map(_exists, counted)]


def _partition(resolved: Resolved) -> list[Raw]:
    """Keeps whole GPUs and partitions apart where one resource name stands for both."""
    if resolved.resource != "amd.com/gpu":
        return []
    if resolved.partition:
        return [_any_of(AMD_PARTITION, (resolved.partition,))]
    return [{"key": AMD_PARTITION, "operator": "NotIn", "values": list(AMD_PARTITIONED)}]


def _any_of(key: str, values: Iterable[str]) -> Raw:
    return {"key": key, "operator": "In", "values": sorted(values)}


def _exists(key: str) -> Raw:
    return {"key": key, "operator": "Exists"}


def tolerations(owner: Owner) -> list[Raw]:
    """The vendor's own taints, and those that the endpoint states. Others mark a node as broken or as somebody's."""
    vendors = [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in owner.resolved.tolerations]
    return [*vendors, *(one.wire() for one in owner.spec.tolerations)]
