"""How pods are spread over nodes or zones."""

from collections.abc import Mapping

from aimlib.api.meta import Raw

ZONE = "topology.kubernetes.io/zone"
"""The label of nodes by which zones are told apart."""


def spread_over(label: str, selector: Mapping[str, str], *, required: bool = False) -> Raw:
    """Spreads the pods of a selector evenly over the values of a label of nodes; if required, a pod may wait for it."""
    return {
        "maxSkew": 1,
        "topologyKey": label,
        "whenUnsatisfiable": "DoNotSchedule" if required else "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector},
    }
