"""Where an endpoint's pods may run: nodes with the chosen GPUs, found by their labels and not by the recipe's name."""

from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
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
        bool(resolved.may_come),
    )
    terms = [{"matchExpressions": expressions} for expressions in placement.node_terms(devices)]
    if not terms:
        return None
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


NODE, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
SPREADS: dict[str | None, tuple[tuple[str, str], ...]] = {
    None: (),
    "Node": ((NODE, "DoNotSchedule"),),
    "Zone": ((ZONE, "DoNotSchedule"), (NODE, "ScheduleAnyway")),
}
"""For each value of availability.spread the labels of nodes to spread over, and what becomes of a pod that cannot."""


def spread(owner: Owner) -> list[Raw]:
    """Topology spread constraints of the pods of one version.

    Nodes with taints that the pods do not tolerate are left out, so that a zone that is lost holds nobody up.
    """
    return [
        {
            "maxSkew": 1,
            "topologyKey": label,
            "whenUnsatisfiable": otherwise,
            "labelSelector": {"matchLabels": owner.selector},
            "matchLabelKeys": ["pod-template-hash"],
            "nodeTaintsPolicy": "Honor",
        }
        for label, otherwise in SPREADS[owner.spec.availability.spread]
    ]


def tolerations(owner: Owner) -> list[Raw]:
    """The vendor's own taints, and those that the endpoint states. Others mark a node as broken or as somebody's."""
    return placement.pod_tolerations(owner.resolved.tolerations, owner.spec.tolerations)
