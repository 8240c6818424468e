"""Computes the AIMInventory from the AIMNodes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aimlib.api.node import GpuClass, InventoryStatus, NodePool, NodeSpec
from aimlib.hardware.dynamic import claimed
from aimlib.hardware.labels import NODE_NAME
from aimlib.hardware.left_out import format_left_out, left_out_nodes
from aimlib.hardware.nodes import format_device
from aimlib.hardware.products import CPU, Products, formats_of, known_products
from aimlib.hardware.shapes import largest_shapes, node_size

ClassKey = tuple[str, ...]
SUMMARY_LENGTH = 1024
"""Maximum length in the schema."""
MOST_NODE_NAMES = 64
"""Nodes of a class that pods select by their names; devices on more are given by claims alone."""


class EqualNodes(NamedTuple):
    """Nodes with equal facts: most of a cluster are, and then each kind is looked at once."""

    names: Sequence[str]
    spec: NodeSpec


class Member(NamedTuple):
    """The devices of a class on each of some equal nodes."""

    names: Sequence[str]
    pool: NodePool
    spec: NodeSpec


def _key(pool: NodePool, marks: tuple[str, ...]) -> ClassKey:
    """The key of a class of equal devices. Processors are one per taint and label, whatever the nodes' shapes."""
    memory = "" if pool.product == CPU else f"{pool.memory_gib:09.1f}"
    parts = (
        pool.product,
        pool.partition,
        pool.device_id,
        pool.node_product,
        memory,
        pool.resource,
        pool.shared or None,
        pool.dynamic,
    )
    return (*(str(part or "") for part in parts), *marks)


def inventory_status(
    nodes: Iterable[EqualNodes], table: Products | None = None, coming: Iterable[GpuClass] = ()
) -> InventoryStatus:
    """The inventory of these nodes; independent of their order. `table` has the products, built-in ones if left out.

    `coming` are classes of nodes that may come, which are listed last and counted nowhere.
    """
    known = table or known_products()
    nodes = list(nodes)
    usable = [equal for equal in nodes if equal.spec.usable]
    members: defaultdict[ClassKey, list[Member]] = defaultdict(list)
    for names, spec in usable:
        marks = (*map(str, spec.taints), *spec.labels)
        for pool in spec.pools:
            members[_key(pool, marks)].append(Member(names, pool, spec))
    for key in [key for key, found in members.items() if _names_too_many(found)]:
        for member in members.pop(key):
            pool, marks = claimed(member.pool), (*map(str, member.spec.taints), *member.spec.labels)
            members[_key(pool, marks)].append(member._replace(pool=pool))
    classes = tuple(_class(found, known) for _, found in sorted(members.items()))
    gpus = [one for one in classes if one.product != CPU]
    left_out, coming = left_out_nodes(nodes), tuple(coming)
    summary = "; ".join(filter(None, (_summary(gpus), format_left_out(left_out), _summary_of_coming(coming))))
    return InventoryStatus(
        nodes=sum(len(equal.names) for equal in usable),
        gpus=sum(gpu.total for gpu in gpus),
        summary=summary[:SUMMARY_LENGTH],
        classes=(*classes, *coming),
        left_out=left_out,
    )


def _names_too_many(members: list[Member]) -> bool:
    return sum(len(one.names) for one in members if one.pool.node_label == NODE_NAME) > MOST_NODE_NAMES


def _node_labels(members: list[Member]) -> tuple[str, ...]:
    """The labels by which pods find the nodes, and the names of those without."""
    found = {one.pool.node_label for one in members if one.pool.node_label not in {None, NODE_NAME}}
    named = {f"{NODE_NAME}={name}" for one in members if one.pool.node_label == NODE_NAME for name in one.names}
    return tuple(sorted(filter(None, found | named)))


def _summary(gpus: list[GpuClass]) -> str:
    """A summary of the GPUs by kind."""
    totals: Counter[str] = Counter()
    for gpu in gpus:
        totals[format_device(gpu)] += gpu.total
    return ", ".join(f"{total} x {kind}" for kind, total in totals.items()) or "no GPUs"


def _summary_of_coming(coming: Iterable[GpuClass]) -> str:
    kinds = ", ".join(dict.fromkeys(f"{one.devices_per_node} x {format_device(one)}" for one in coming))
    return f"may come: nodes with {kinds}" if kinds else ""


def _class(members: list[Member], table: Products) -> GpuClass:
    pools = [member.pool for member in members]
    shared = pools[0].model_dump(exclude={"devices", "memory_gib", "node_label"})
    found = table.product(pools[0].product)
    return GpuClass(
        **shared,
        memory_gib=max(pool.memory_gib for pool in pools),
        devices_per_node=max(pool.devices for pool in pools),
        nodes=sum(len(member.names) for member in members),
        total=sum(len(member.names) * member.pool.devices for member in members),
        taints=members[0].spec.taints,
        labels=members[0].spec.labels,
        node_labels=_node_labels(members),
        precisions=found.served if found else formats_of(pools[0].architecture),
        shapes=largest_shapes(node_size(member.pool, member.spec.host) for member in members),
    )
