"""Reads AMD's devices of a node from the labels of AMD's labeller and the allocatable resources."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from aimlib.api.node import LabelledDevices, LeftOut, NodePool
from aimlib.hardware.labels import AMD_COUNTED_ID
from aimlib.hardware.placement import PlacedDevices, admits, node_terms
from aimlib.hardware.plausible import Doubt, devices_doubt, memory_doubt, product_doubt
from aimlib.hardware.products import Product, Products
from aimlib.hardware.resources import count_of, label_count, left_out, not_allocatable, resources_of

PREFIXES = ("amd.com/gpu", "beta.amd.com/gpu")
DEVICE_ID = re.compile(r"[0-9A-Fa-fx]{1,16}")
"""A PCI device id as labels have it; another value is none."""
AMD_RESOURCE = re.compile(r"amd\.com/(gpu|[a-z]px_nps\d)")
MODE_PARTS = {"dpx": 2, "tpx": 3, "qpx": 4}
"""Parts of a device by the names of partition modes; those of cpx are the dies of a product."""
VRAM_UNITS = {"M": 1 / 1024, "G": 1.0, "": 1.0, "T": 1024.0}
NO_AMD_LABEL = "no label amd.com/gpu.device-id says what they are"
SEVERAL = "the labels name several products, which pods cannot tell apart"
NOT_SELECTED = (
    "pods find nodes by the label amd.com/gpu.device-id and that of the partition, which differ or are absent"
)


def label_values(labels: Mapping[str, str], suffix: str) -> tuple[str, ...]:
    """The values of an AMD label in all its forms: plain, beta, and with the value in the key."""
    for prefix in PREFIXES:
        if plain := labels.get(f"{prefix}.{suffix}"):
            return (plain,)
    counted = {
        key.removeprefix(f"{prefix}.{suffix}.")
        for prefix in PREFIXES
        for key in labels
        if key.startswith(f"{prefix}.{suffix}.")
    }
    return tuple(sorted(counted))


class Labelled(NamedTuple):
    """What the labels have of a node's devices."""

    values: Mapping[str, str]
    title: str
    """The product, or what the labels have instead."""
    hardware: Product | None
    device_id: str | None
    label: str
    """The label by which the product was recognised: KEY=VALUE, or KEY."""


def amd_devices(
    labels: Mapping[str, str], allocatable: Mapping[str, str], table: Products
) -> Iterator[NodePool | LeftOut]:
    """AMD's devices by resource: those that count, and those that do not with the reason."""
    ids = tuple(filter(DEVICE_ID.fullmatch, label_values(labels, "device-id")))
    names = label_values(labels, "product-name")
    resources = [name for name in resources_of(AMD_RESOURCE, allocatable) if count_of(allocatable, name)]
    if len(ids) > 1 or not (ids or names):
        yield from (left_out(allocatable, name, None, SEVERAL if ids else NO_AMD_LABEL) for name in resources)
        return
    hardware = table.by_device_id(ids[0]) if ids else None
    hardware = hardware or (by_marketing_name(names[0], table) if len(names) == 1 else None)
    name = names[0] if names else f"amd-{ids[0]}"
    hardware = hardware or table.product(name)
    title = hardware.name if hardware else name
    if doubt := product_doubt(hardware, "amd"):
        yield from (left_out(allocatable, resource, None, doubt) for resource in resources)
        return
    label = _label(labels, "device-id", ids[0]) if ids else _label(labels, "product-name", names[0])
    found = Labelled(labels, title, hardware, ids[0] if ids else None, label)
    if not resources:
        labelled = LabelledDevices(partition=_partition(labels, "amd.com/gpu") or None, node_label=label)
        yield not_allocatable(title, "amd.com/gpu", _counted(found), labelled)
    yield from (_pool(found, allocatable, name) for name in resources)


def _counted(found: Labelled) -> int | None:
    """The number of devices by the labels."""
    return label_count(found.values.get(f"{AMD_COUNTED_ID}.{found.device_id}", ""))


def _pool(found: Labelled, allocatable: Mapping[str, str], resource: str) -> NodePool | LeftOut:
    partition, hardware, devices = _partition(found.values, resource), found.hardware, count_of(allocatable, resource)
    parts = parts_of(hardware, partition)
    memory, doubt = _memory(found, partition, parts)
    doubt = doubt or devices_doubt(devices, hardware if parts else None, parts or 1, _counted(found))
    placed = PlacedDevices(resource, partition or None, hardware.device_ids if hardware else (), (), (found.label,))
    doubt = doubt or ("" if admits(node_terms(placed), found.values) else NOT_SELECTED)
    if doubt:
        return left_out(allocatable, resource, found.title, doubt)
    return NodePool(
        product=found.title,
        vendor="amd",
        architecture=hardware.architecture if hardware else None,
        device_id=found.device_id.lower() if found.device_id else None,
        partition=partition or None,
        memory_gib=memory,
        resource=resource,
        devices=devices,
        node_label=found.label,
    )


def _label(labels: Mapping[str, str], suffix: str, value: str) -> str:
    """The label that has a fact, in a form by which nodes can be selected: `KEY=VALUE`, or `KEY` for a counted one."""
    plain = [f"{prefix}.{suffix}" for prefix in PREFIXES if labels.get(f"{prefix}.{suffix}") == value]
    counted = [f"{prefix}.{suffix}.{value}" for prefix in PREFIXES if f"{prefix}.{suffix}.{value}" in labels]
    return f"{plain[0]}={value}" if plain else counted[0]


def _partition(labels: Mapping[str, str], resource: str) -> str:
    """The partition mode; empty for whole devices."""
    partition = resource.removeprefix("amd.com/")
    if partition == "gpu":
        labelled = label_values(labels, "compute-memory-partition")
        partition = labelled[0] if len(labelled) == 1 else ""
    return "" if partition.startswith("spx") else partition


def by_marketing_name(name: str, table: Products) -> Product | None:
    """The product of a name such as AMD_Instinct_MI300X_OAM."""
    found = re.search(r"MI\d+[A-Z]?", name)
    return table.by_amd_product(name) or (table.product(found[0]) if found else None)


def parts_of(hardware: Product | None, partition: str) -> int | None:
    """Into how many devices a partition mode divides one; None where that is not known."""
    mode = partition.split("_", maxsplit=1)[0]
    if not mode:
        return 1
    return hardware.partitions.get(mode, MODE_PARTS.get(mode)) if hardware else None


def _memory(found: Labelled, partition: str, parts: int | None) -> tuple[float, Doubt]:
    """GiB per device and a doubt about it.

    Labellers show a partition's memory, or earlier ones that of the whole device; a device without a size is 0G.
    """
    sizes = [
        int(read[1]) * VRAM_UNITS[read[2]]
        for value in label_values(found.values, "vram")
        if (read := re.fullmatch(r"([0-9]{1,32})([MGT]?)(?:i?B)?", value))
    ]
    labelled = sizes[0] if len(sizes) == 1 and sizes[0] else None
    whole = found.hardware.memory_gib if found.hardware else None
    usual = whole / parts if whole and parts else None
    if parts is None and whole and labelled and labelled > whole / 2:
        return labelled, f"implausible: {labelled:g} GiB per device on the label of partition {partition}"
    doubt = memory_doubt(labelled, usual, whole if partition and parts else None, listed=found.hardware is not None)
    return min(filter(None, (labelled, usual)), default=0.0), doubt
