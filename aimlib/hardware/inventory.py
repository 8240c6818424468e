"""Computes the AIMInventory from the AIMNodes."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from aimlib.api.node import GpuClass, InventoryStatus, NodePool, NodeSpec, Taint
from aimlib.hardware.nodes import format_device
from aimlib.hardware.products import CPU, product

ClassKey = tuple[str, ...]
SUMMARY_LENGTH = 1024
"""Maximum length in the schema."""


def _key(pool: NodePool, taints: tuple[Taint, ...]) -> ClassKey:
    """The key of a class of equal devices. Processors are one class per taint, whatever the memory of their nodes."""
    memory = "" if pool.product == CPU else f"{pool.memory_gib:09.1f}"
    parts = (
        pool.product,
        pool.partition,
        pool.device_id,
        pool.node_product,
        memory,
        pool.resource,
        pool.shared or None,
    )
    return (*(str(part or "") for part in parts), *map(str, taints))


def inventory_status(nodes: Iterable[NodeSpec]) -> InventoryStatus:
    """The inventory of these nodes; independent of their order."""
    usable = [node for node in nodes if node.usable]
    members: defaultdict[ClassKey, list[tuple[NodePool, tuple[Taint, ...]]]] = defaultdict(list)
    for node in usable:
        for pool in node.pools:
            members[_key(pool, node.taints)].append((pool, node.taints))
    classes = tuple(_class([pool for pool, _ in found], found[0][1]) for _, found in sorted(members.items()))
    gpus = [one for one in classes if one.product != CPU]
    return InventoryStatus(
        nodes=len(usable),
        gpus=sum(gpu.total for gpu in gpus),
        summary=_summary(gpus),
        classes=classes,
    )


def _summary(gpus: list[GpuClass]) -> str:
    """A summary of the GPUs by kind, cut to the maximum length."""
    totals: Counter[str] = Counter()
    for gpu in gpus:
        totals[format_device(gpu)] += gpu.total
    return ", ".join(f"{total} x {kind}" for kind, total in totals.items())[:SUMMARY_LENGTH] or "no GPUs"


def _class(pools: list[NodePool], taints: tuple[Taint, ...]) -> GpuClass:
    shared = pools[0].model_dump(exclude={"devices", "memory_gib", "node_label"})
    found = product(pools[0].product)
    return GpuClass(
        **shared,
        memory_gib=max(pool.memory_gib for pool in pools),
        devices_per_node=max(pool.devices for pool in pools),
        nodes=len(pools),
        total=sum(pool.devices for pool in pools),
        taints=taints,
        node_labels=tuple(sorted({pool.node_label for pool in pools if pool.node_label})),
        precisions=found.served if found else (),
    )
