"""Where an endpoint's pods may run: nodes with the chosen GPUs, found by their labels and not by the recipe's name."""

from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.hardware import placement
from aimlib.kube.server_kinds import GROUP_REVISION_LABEL
from aimlib.pod_template import rendered
from hooks.endpoint.children.owner import Owner
from hooks.objects.shared_volume import HOST
from hooks.objects.topology_spread import ZONE, spread_over

FIRST_WITH_LABELS = 2
"""The version of the pod template from which on it has the labels by which the nodes were recognised alone."""


def affinity(resolved: Resolved) -> Raw | None:
    """Node affinity for the chosen hardware; none for CPUs, and where a resource's name or a claim suffices."""
    devices = placement.PlacedDevices(
        resolved.resource,
        resolved.partition,
        resolved.device_ids,
        resolved.node_products,
        resolved.node_labels if rendered(resolved.template_version) >= FIRST_WITH_LABELS else (),
        bool(resolved.may_come),
    )
    terms = placement.selector_terms(placement.node_terms(devices))
    if not terms:
        return None
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


SPREADS: dict[str | None, tuple[tuple[str, bool], ...]] = {
    None: (),
    "Node": ((HOST, True),),
    "Zone": ((ZONE, True), (HOST, False)),
}
"""For each value of availability.spread the labels of nodes to spread over, and whether it is required."""


def spread(owner: Owner) -> list[Raw]:
    """Topology spread constraints of the pods of one version.

    Nodes with taints that the pods do not tolerate are left out, so that a zone that is lost holds nobody up.
    """
    return [
        {
            **spread_over(label, owner.selector | owner.leaders, required=required),
            "matchLabelKeys": [GROUP_REVISION_LABEL if owner.resolved.nodes else "pod-template-hash"],
            "nodeTaintsPolicy": "Honor",
        }
        for label, required in SPREADS[owner.spec.availability.spread]
    ]


def tolerations(owner: Owner) -> list[Raw]:
    """The vendor's own taints, and those that the endpoint states. Others mark a node as broken or as somebody's."""
    return placement.pod_tolerations(owner.resolved.tolerations, owner.spec.tolerations)
