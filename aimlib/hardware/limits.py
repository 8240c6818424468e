"""What one node cannot have together: too many kinds of devices, or too many devices of a product over its kinds."""

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from math import ceil

from aimlib.api.node import LeftOut, NodePool
from aimlib.hardware.amd import parts_of
from aimlib.hardware.nvidia import MIG_PARTS
from aimlib.hardware.plausible import Doubt, devices_doubt
from aimlib.hardware.products import Product, Products

MOST_KINDS = 32
"""Kinds of devices of one vendor that are told apart on a node."""
TOO_MANY_KINDS = f"implausible: more than {MOST_KINDS} kinds of device"


def few_kinds(found: Iterable[NodePool | LeftOut], resource: str) -> list[NodePool | LeftOut]:
    """Devices of one vendor on a node; where they are of too many kinds, one row that has them all."""
    rows = list(found)
    if len(rows) <= MOST_KINDS:
        return rows
    return [LeftOut(resource=resource, devices=sum(one.devices for one in rows), reason=TOO_MANY_KINDS)]


def plausible(pools: Iterable[NodePool], table: Products) -> list[NodePool | LeftOut]:
    """The pools of one node; left out are those of which it cannot have so many.

    What is plausible by itself must be so together: pools of a product count as many of its devices as they take at
    least, eight partitions of which a device makes eight as one.
    """
    alone = [(pool, *_limited(pool, table)) for pool in pools]
    doubts = [devices_doubt(pool.devices, hardware, parts) for pool, hardware, parts in alone]
    taken: defaultdict[tuple[str, bool], Fraction] = defaultdict(Fraction)
    for (pool, hardware, parts), doubt in zip(alone, doubts, strict=True):
        taken[pool.product, hardware is None] += Fraction(0 if doubt else pool.devices, parts)
    return [
        _without_doubt(pool, doubt or _together(taken[pool.product, hardware is None], hardware))
        for (pool, hardware, _), doubt in zip(alone, doubts, strict=True)
    ]


def _limited(pool: NodePool, table: Products) -> tuple[Product | None, int]:
    """The product that limits the devices, and the most of them that one of its devices makes.

    No product where that is not known: a mode that is in no table, or devices that are there as often as shared.
    """
    hardware = None if pool.shared else table.product(pool.product)
    if pool.vendor == "nvidia":
        return hardware, MIG_PARTS if hardware and pool.partition else 1
    parts = parts_of(hardware, pool.partition or "")
    return (hardware, parts) if parts else (None, 1)


def _together(taken: Fraction, hardware: Product | None) -> Doubt:
    """About so many whole devices of a product, over all of its kinds."""
    doubt = devices_doubt(ceil(taken), hardware)
    return f"{doubt}, of all kinds together" if doubt else ""


def _without_doubt(pool: NodePool, doubt: Doubt) -> NodePool | LeftOut:
    if not doubt:
        return pool
    return LeftOut(product=pool.product, resource=pool.resource, devices=pool.devices, reason=doubt)
