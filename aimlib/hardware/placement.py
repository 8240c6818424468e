"""Which nodes a configuration's pods may run on: by labels and taints.

Pods get these terms as node affinity and these keys as tolerations; the node hook counts devices only where the terms
match the node's own labels, and selection only behind taints that are tolerated. So neither can differ from the other.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypedDict

from aimlib.api.node import Taint
from aimlib.api.pod import Toleration
from aimlib.hardware.labels import (
    AMD_COUNTED_ID,
    AMD_ID,
    AMD_PARTITION,
    AMD_PARTITIONED,
    GKE_ACCELERATOR,
    GKE_DIVIDED,
    NODE_NAME,
    NVIDIA_PRODUCT,
)

GKE_NAME = re.compile("nvidia-[a-z0-9-]+")
"""A name of GKE's label, in lower case; labels of feature discovery have a capital letter at least."""


class Expression(TypedDict, total=False):
    """A requirement of a node selector."""

    key: str
    operator: str
    values: list[str]


NodeTerm = list[Expression]
"""Requirements that all have to be met."""


class PlacedDevices(NamedTuple):
    """What nodes are selected by."""

    resource: str | None
    """The extended resource; None on processors."""
    partition: str | None = None
    device_ids: tuple[str, ...] = ()
    node_products: tuple[str, ...] = ()
    node_labels: tuple[str, ...] = ()
    """Labels by which the product was recognised: KEY=VALUE, or KEY; none for pods of earlier templates.

    `metadata.name=NAME` stands for a node that no label of its own describes.
    """
    may_come: bool = False
    """Whether no such node was there: node_labels are then those of its pool's template, which has no others."""


def node_terms(devices: PlacedDevices) -> list[NodeTerm]:
    """Terms any one of which a node's labels must meet; none where the resource's name suffices."""
    if devices.may_come:
        stated = (label.partition("=") for label in devices.node_labels)
        return [[*(_any_of(key, (value,)) for key, _, value in stated), *_partition(devices)]]
    named = [[_any_of(NODE_NAME, (name,))] for name in sorted(_names(devices.node_labels))]
    if devices.node_products:
        return [*_nvidia(devices.node_products), *named]
    forms = _recognised(devices) if devices.node_labels else _every_form(devices.device_ids)
    return [*([form, *_partition(devices)] for form in forms), *named]


def _names(node_labels: Iterable[str]) -> list[str]:
    """The names of nodes that are selected by them."""
    return [label.partition("=")[2] for label in node_labels if label.startswith(f"{NODE_NAME}=")]


def selector_terms(terms: Iterable[NodeTerm]) -> list[dict[str, NodeTerm]]:
    """Terms as node affinity has them, where a node's name is a field and no label."""
    return [
        {"matchFields" if any(one["key"] == NODE_NAME for one in term) else "matchExpressions": term} for term in terms
    ]


def _recognised(devices: PlacedDevices) -> list[Expression]:
    """The labels by which the inventory knew the nodes, and the id's usual one; few, since each node is compared."""
    values = defaultdict(set, {AMD_ID: {*devices.device_ids}})
    counted = []
    for label in devices.node_labels:
        if label.startswith(f"{NODE_NAME}="):
            continue
        key, equals, value = label.partition("=")
        if equals:
            values[key].add(value)
        else:
            counted.append(key)
    stated = [_any_of(key, several) for key, several in sorted(values.items()) if several]
    return [*stated, *map(_exists, counted)]


def _every_form(device_ids: tuple[str, ...]) -> list[Expression]:
    """Each form in which a label may have one of the product's ids."""
    if not device_ids:
        return []
    return [_any_of(AMD_ID, device_ids), *(_exists(f"{AMD_COUNTED_ID}.{one}") for one in sorted(device_ids))]


def _nvidia(node_products: tuple[str, ...]) -> list[NodeTerm]:
    by_gke = [name for name in node_products if GKE_NAME.fullmatch(name)]
    labelled = tuple(name for name in node_products if name not in by_gke)
    terms: list[NodeTerm] = [[_any_of(NVIDIA_PRODUCT, labelled)]] if labelled else []
    if by_gke:  # whatever feature discovery labels is found by that label alone
        others = (NVIDIA_PRODUCT, *GKE_DIVIDED)
        absent: Iterable[Expression] = ({"key": key, "operator": "DoesNotExist"} for key in others)
        terms.append([_any_of(GKE_ACCELERATOR, by_gke), *absent])
    return terms


def _partition(devices: PlacedDevices) -> list[Expression]:
    """Keeps whole GPUs and partitions apart where one resource name stands for both."""
    if devices.resource != "amd.com/gpu":
        return []
    if devices.partition:
        return [_any_of(AMD_PARTITION, (devices.partition,))]
    return [{"key": AMD_PARTITION, "operator": "NotIn", "values": list(AMD_PARTITIONED)}]


def _any_of(key: str, values: Iterable[str]) -> Expression:
    return {"key": key, "operator": "In", "values": sorted(values)}


def _exists(key: str) -> Expression:
    return {"key": key, "operator": "Exists"}


def _met(expression: Expression, labels: Mapping[str, str]) -> bool:
    """Whether labels meet a requirement, as the scheduler evaluates it."""
    value, values = labels.get(expression["key"]), expression.get("values", [])
    return {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[expression["operator"]]


def admits(terms: list[NodeTerm], labels: Mapping[str, str]) -> bool:
    """Whether pods with these terms may run on a node with these labels."""
    return not terms or any(all(_met(expression, labels) for expression in term) for term in terms)


def node_selector(settings: Mapping[str, str], stated: Mapping[str, str]) -> dict[str, str]:
    """The nodeSelector of pods: that of the settings, and what an endpoint adds to it."""
    return {**settings, **stated}


def lacking(selector: Mapping[str, str], labels: Iterable[str]) -> list[str]:
    """What of a selector nodes certainly lack, by labels of the inventory: KEY=VALUE, and !KEY for one without."""
    known: defaultdict[str, set[str]] = defaultdict(set)
    for label in labels:
        key, _, value = label.removeprefix("!").partition("=")
        known[key] |= set() if label.startswith("!") else {value}
    return [f"{key}={value}" for key, value in selector.items() if key in known and value not in known[key]]


def pod_tolerations(keys: Iterable[str], stated: Iterable[Toleration] = ()) -> list[dict[str, Any]]:
    """The tolerations of pods. Of keys it is NoSchedule alone, since NoExecute marks nodes that pods have to leave."""
    by_key = ({"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in keys)
    return [*by_key, *(one.wire() for one in stated)]


def keeps_away(taint: Taint, keys: Iterable[str], stated: Iterable[Toleration] = ()) -> bool:
    """Whether a taint keeps away pods that have the tolerations of these keys, and those that are stated."""
    tolerated = any(one["key"] == taint.key and one["effect"] == taint.effect for one in pod_tolerations(keys))
    tolerated = tolerated or any(one.covers(taint.key, taint.value, taint.effect) for one in stated)
    return taint.effect != "PreferNoSchedule" and not tolerated
