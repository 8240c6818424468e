"""Where an endpoint's pods may run: nodes with the chosen GPUs, found by their labels and not by the recipe's name."""

from aimlib.api.meta import Raw
from aimlib.hardware import placement
from hooks.endpoint.children.owner import Owner


def affinity(owner: Owner) -> Raw | None:
    """Node affinity for the chosen hardware; none for CPUs, and none where the resource's name suffices."""
    resolved = owner.resolved
    devices = placement.PlacedDevices(
        resolved.resource,
        resolved.partition,
        resolved.device_ids,
        resolved.node_products,
        owner.since(2, resolved.node_labels) or (),
    )
    terms = [{"matchExpressions": expressions} for expressions in placement.node_terms(devices)]
    if not terms:
        return None
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def tolerations(owner: Owner) -> list[Raw]:
    """The vendor's own taints, and those that the endpoint states. Others mark a node as broken or as somebody's."""
    return placement.pod_tolerations(owner.resolved.tolerations, owner.spec.tolerations)
