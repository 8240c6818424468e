"""Where an endpoint's pods may run: nodes with the chosen GPUs, found by device id and not by name."""

from aimlib.api.endpoint_status import Resolved
from aimlib.api.meta import Raw
from aimlib.hardware.labels import AMD_COUNTED_ID, AMD_ID, AMD_PARTITION, AMD_PARTITIONED, NVIDIA_PRODUCT


def affinity(resolved: Resolved) -> Raw | None:
    """Node affinity for the chosen hardware; none for CPUs, and none where the resource's name suffices."""
    terms = _terms(resolved)
    if not terms:
        return None
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _terms(resolved: Resolved) -> list[Raw]:
    """Any one of these is enough."""
    if resolved.node_products:
        return [{"matchExpressions": [_any_of(NVIDIA_PRODUCT, resolved.node_products)]}]
    if not resolved.device_ids:
        return []
    partition = _partition(resolved)
    counted = (
        {"key": f"{AMD_COUNTED_ID}.{device_id}", "operator": "Exists"} for device_id in sorted(resolved.device_ids)
    )
    forms = [_any_of(AMD_ID, resolved.device_ids), *counted]
    return [{"matchExpressions": [form, *partition]} for form in forms]


def _partition(resolved: Resolved) -> list[Raw]:
    """Keeps whole GPUs and partitions apart where one resource name stands for both."""
    if resolved.resource != "amd.com/gpu":
        return []
    if resolved.partition:
        return [_any_of(AMD_PARTITION, (resolved.partition,))]
    return [{"key": AMD_PARTITION, "operator": "NotIn", "values": list(AMD_PARTITIONED)}]


def _any_of(key: str, values: tuple[str, ...]) -> Raw:
    return {"key": key, "operator": "In", "values": sorted(values)}


def tolerations(resolved: Resolved) -> list[Raw]:
    """The vendor's own taints. A taint that marks a node as broken or draining is never tolerated."""
    return [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in resolved.tolerations]
