"""Where an endpoint's pods may run: nodes with the chosen GPUs, found by their labels and not by the recipe's name."""

from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.hardware import placement
from aimlib.kube.server_kinds import GROUP_REVISION_LABEL
from aimlib.pod_template import rendered
from hooks.endpoint.children.owner import Owner
from hooks.objects.shared_volume import HOST
from hooks.objects.topology_spread import ZONE, spread_over

PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
FIRST_WITH_LABELS = 2
"""The version of the pod template from which on it has the labels by which the nodes were recognised alone."""


def affinity(resolved: Resolved, former_node: str | None = None) -> Raw | None:
    """Node affinity for the chosen hardware; none for CPUs, and where a resource's name or a claim suffices.

    `former_node` is where a pod would rather be: its image is there, and files that were read may be.
    """
    devices = placement.PlacedDevices(
        resolved.resource,
        resolved.partition,
        resolved.device_ids,
        resolved.node_products,
        resolved.node_labels if rendered(resolved.template_version) >= FIRST_WITH_LABELS else (),
        bool(resolved.may_come),
    )
    terms = placement.selector_terms(placement.node_terms(devices))
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}} if terms else {}
    rather = {PREFERRED: [{"weight": 100, "preference": _on(former_node)}]} if former_node else {}
    return {"nodeAffinity": required | rather} if required or rather else None


def _on(node: str) -> Raw:
    """The term for one node; `metadata.name` is the one field of a node that a term may name."""
    return {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}


def preferred_node(template: Raw) -> str | None:
    """The node that the pods of a template prefer."""
    terms = ((template["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(PREFERRED) or ()
    fields = (field for term in terms for field in term["preference"].get("matchFields") or ())
    return next((str(value) for field in fields for value in field["values"]), None)


def anywhere(template: Raw) -> Raw:
    """A template of pods that prefer no node: wherever they rather are, they are of the same version."""
    spec = template.get("spec") or {}
    affinity = spec.get("affinity") or {}
    nodes = affinity.get("nodeAffinity") or {}
    if PREFERRED not in nodes:
        return template
    nodes = {key: value for key, value in nodes.items() if key != PREFERRED}
    rest = {key: value for key, value in affinity.items() if key != "nodeAffinity"}
    left = rest | ({"nodeAffinity": nodes} if nodes else {})
    others = {key: value for key, value in spec.items() if key != "affinity"}
    return {**template, "spec": {**others, **({"affinity": left} if left else {})}}


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
