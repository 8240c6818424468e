"""What one node cannot have together: too many kinds of devices, or too many devices of a product over its kinds."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil

from aimlib.api.node import LeftOut, NodePool
from aimlib.hardware.amd import parts_of
from aimlib.hardware.nvidia import MIG_PARTS
from aimlib.hardware.plausible import devices_doubt
from aimlib.hardware.products import Product, Products

MOST_KINDS = 32
"""Kinds of devices of one vendor that are told apart on a node."""
TOO_MANY_KINDS = f"implausible: more than {MOST_KINDS} kinds of device"


def few_kinds(found: Iterable[NodePool | LeftOut], resource: str) -> list[NodePool | LeftOut]:
    """Devices of one vendor on a node, those left out added up by reason; one row that has all of too many kinds."""
    pools: list[NodePool] = []
    left_out: Counter[LeftOut] = Counter()
    for one in found:
        if isinstance(one, NodePool):
            pools.append(one)
        else:
            left_out[one.model_copy(update={"devices": 0})] += one.devices
    rows: list[NodePool | LeftOut] = [*pools]
    rows += [one.model_copy(update={"devices": devices}) for one, devices in left_out.items()]
    if len(rows) <= MOST_KINDS:
        return rows
    return [LeftOut(resource=resource, devices=sum(one.devices for one in rows), reason=TOO_MANY_KINDS)]


def plausible(found: Iterable[NodePool | LeftOut], table: Products) -> Iterator[NodePool | LeftOut]:
    """The devices of one node; left out are also the pools of which it cannot have so many.

    What is plausible by itself must be so together: pools of a product count as many of its devices as they take at
    least, eight partitions of which a device makes eight as one.
    """
    pools = []
    taken: defaultdict[tuple[str, bool], Fraction] = defaultdict(Fraction)
    for one in found:
        if isinstance(one, LeftOut):
            yield one
            continue
        hardware, parts = _limited(one, table)
        if doubt := devices_doubt(one.devices, hardware, parts):
            yield _left_out(one, doubt)
            continue
        pools.append((one, hardware))
        taken[one.product, hardware is None] += Fraction(one.devices, parts)
    for one, hardware in pools:
        doubt = devices_doubt(ceil(taken[one.product, hardware is None]), hardware)
        yield _left_out(one, f"{doubt}, of all kinds together") if doubt else one


def _limited(pool: NodePool, table: Products) -> tuple[Product | None, int]:
    """The product that limits the devices, and the most of them that one of its devices makes.

    No product where that is not known: a mode that is in no table, or devices that are there as often as shared.
    """
    hardware = None if pool.shared else table.product(pool.product)
    if pool.vendor == "nvidia":
        return hardware, MIG_PARTS if hardware and pool.partition else 1
    parts = parts_of(hardware, pool.partition or "")
    return (hardware, parts) if parts else (None, 1)


def _left_out(pool: NodePool, reason: str) -> LeftOut:
    return LeftOut(product=pool.product, resource=pool.resource, devices=pool.devices, reason=reason)
