"""What nodes of a class have together: the largest of them, which decide whether a pod fits on any."""

from collections.abc import Iterable
from typing import NamedTuple

from aimlib.api.node import GpuClass, Host, NodePool, NodeShape
from aimlib.hardware.products import CPU

MOST_SHAPES = 16
"""Shapes that a class keeps; a cluster with more kinds of largest nodes keeps these."""
UNKNOWN = float("inf")
"""An amount that is not known is not checked, and so is above all others."""


class HostRequest(NamedTuple):
    """What one replica requests of a node besides devices; 0 is nothing."""

    cpus: float = 0.0
    memory_gib: float = 0.0
    ephemeral_storage_gib: float = 0.0

    def fits(self, shape: NodeShape) -> bool:
        """Whether a node of this shape has all of it, going by what is known of the node."""
        available = amounts(shape)[1:]
        return all(requested <= amount for requested, amount in zip(self, available, strict=True))


def node_shape(pool: NodePool, host: Host | None) -> NodeShape:
    """The shape of one node with these devices; `host` is None where an earlier release wrote the AIMNode."""
    if host is None and pool.product == CPU:
        host = Host(cpus=pool.devices, memory_gib=pool.memory_gib)
    return NodeShape(devices=pool.devices, **(host.model_dump() if host else {}))


def amounts(shape: NodeShape) -> tuple[float, float, float, float]:
    """Devices, CPUs, memory and storage."""
    known = (shape.devices, shape.cpus, shape.memory_gib, shape.ephemeral_storage_gib)
    return tuple(UNKNOWN if amount is None else float(amount) for amount in known)  # type: ignore[return-value]


def largest_shapes(shapes: Iterable[NodeShape]) -> tuple[NodeShape, ...]:
    """The shapes that no other has as much of everything as, largest first."""
    kept: list[tuple[str, tuple[float, ...], NodeShape]] = []
    for shape in sorted(set(shapes), key=_order):
        size, kind = amounts(shape), shape.architecture or ""
        if not any(
            kind == other and all(mine <= theirs for mine, theirs in zip(size, larger, strict=True))
            for other, larger, _ in kept
        ):
            kept.append((kind, size, shape))
    return tuple(shape for _, _, shape in kept[:MOST_SHAPES])


def _order(shape: NodeShape) -> tuple[object, ...]:
    return *(-amount for amount in amounts(shape)), shape.architecture or ""


def shapes_of(one: GpuClass) -> tuple[NodeShape, ...]:
    """The shapes of a class; of one that an earlier release wrote, nothing but its devices is known."""
    if one.shapes:
        return one.shapes
    if one.product == CPU:
        return (NodeShape(devices=one.devices_per_node, cpus=one.devices_per_node, memory_gib=one.memory_gib),)
    return (NodeShape(devices=one.devices_per_node),)
