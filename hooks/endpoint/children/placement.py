"""Where an endpoint's pods may run: nodes with the chosen GPUs, found by their labels and not by the recipe's name."""

from aimlib.api.endpoint_status import Resolved
from aimlib.api.meta import Raw
from aimlib.hardware import placement
from aimlib.pod_template import rendered
from hooks.endpoint.children.owner import Owner

FIRST_WITH_LABELS = 2
"""The version of the pod template from which on it has the labels by which the nodes were recognised alone."""


def affinity(resolved: Resolved) -> Raw | None:
    """Node affinity for the chosen hardware; none for CPUs, and none where the resource's name suffices."""
    devices = placement.PlacedDevices(
        resolved.resource,
        resolved.partition,
        resolved.device_ids,
        resolved.node_products,
        resolved.node_labels if rendered(resolved.template_version) >= FIRST_WITH_LABELS else (),
    )
    terms = [{"matchExpressions": expressions} for expressions in placement.node_terms(devices)]
    if not terms:
        return None
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def tolerations(owner: Owner) -> list[Raw]:
    """The vendor's own taints, and those that the endpoint states. Others mark a node as broken or as somebody's."""
    return placement.pod_tolerations(owner.resolved.tolerations, owner.spec.tolerations)
