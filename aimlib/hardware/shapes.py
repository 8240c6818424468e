"""What nodes of a class have together: the largest of them, which decide whether a pod fits on any."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aimlib.api.node import GpuClass, Host, NodePool, NodeShape
from aimlib.hardware.products import CPU

MOST_SHAPES = 16
"""Shapes that a class keeps; of more kinds of largest nodes, those with most of something are kept."""
UNKNOWN = float("inf")
"""An amount that is not known is not checked, and so is above all others."""


Amounts = tuple[float, float, float, float]
"""Devices, CPUs, memory and storage."""


class HostRequest(NamedTuple):
    """What one replica requests of a node besides devices; 0 is nothing."""

    cpus: float = 0.0
    memory_gib: float = 0.0
    ephemeral_storage_gib: float = 0.0

    def fits(self, shape: NodeShape) -> bool:
        """Whether a node of this shape has all of it, going by what is known of the node."""
        _, cpus, memory, storage = amounts(shape)
        return self.cpus <= cpus and self.memory_gib <= memory and self.ephemeral_storage_gib <= storage


class NodeSize(NamedTuple):
    """The same as a NodeShape, for many nodes."""

    devices: int
    cpus: float | None = None
    memory_gib: float | None = None
    ephemeral_storage_gib: float | None = None
    architecture: str | None = None


def node_size(pool: NodePool, host: Host | None) -> NodeSize:
    """The size of one node with these devices; `host` is None where an earlier release wrote the AIMNode."""
    if host:
        return NodeSize(pool.devices, host.cpus, host.memory_gib, host.ephemeral_storage_gib, host.architecture)
    return NodeSize(pool.devices, pool.devices, pool.memory_gib) if pool.product == CPU else NodeSize(pool.devices)


def amounts(shape: NodeShape | NodeSize) -> Amounts:
    """Devices, CPUs, memory and storage."""
    known = (shape.devices, shape.cpus, shape.memory_gib, shape.ephemeral_storage_gib)
    devices, cpus, memory, storage = (UNKNOWN if amount is None else float(amount) for amount in known)
    return devices, cpus, memory, storage


def largest_shapes(sizes: Iterable[NodeSize]) -> tuple[NodeShape, ...]:
    """The sizes that no other has as much of everything as, largest first; those with most of something go first."""
    by_amount = sorted(((amounts(size), size) for size in set(sizes)), key=_order)
    kept: dict[NodeSize, Amounts] = {}
    for amount, size in (*_extremes(by_amount), *by_amount):
        if len(kept) == MOST_SHAPES:
            break
        if not any(_within(size, amount, other, larger) for other, larger in kept.items()):
            kept[size] = amount
    shapes = sorted(((amount, size) for size, amount in kept.items()), key=_order)
    return tuple(NodeShape(**size._asdict()) for _, size in shapes)


def _within(size: NodeSize, amount: Amounts, other: NodeSize, larger: Amounts) -> bool:
    """Whether another node of the same architecture has as much of everything."""
    same = size.architecture == other.architecture
    return same and all(mine <= theirs for mine, theirs in zip(amount, larger, strict=True))


def _extremes(by_amount: list[tuple[Amounts, NodeSize]]) -> Iterator[tuple[Amounts, NodeSize]]:
    """Of each architecture the sizes with most of each amount, those first that have more of the rest."""
    for architecture in sorted({size.architecture or "" for _, size in by_amount}):
        own = [one for one in by_amount if (one[1].architecture or "") == architecture]
        for place in range(len(own[0][0])):
            yield max(own, key=lambda one: (one[0][place], one[0]))


def _order(one: tuple[Amounts, NodeSize]) -> tuple[object, ...]:
    amount, size = one
    return *(-value for value in amount), size.architecture or ""


def shapes_of(one: GpuClass) -> tuple[NodeShape, ...]:
    """The shapes of a class; of one that an earlier release wrote, nothing but its devices is known."""
    if one.shapes:
        return one.shapes
    if one.product == CPU:
        return (NodeShape(devices=one.devices_per_node, cpus=one.devices_per_node, memory_gib=one.memory_gib),)
    return (NodeShape(devices=one.devices_per_node),)
