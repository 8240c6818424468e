"""Reads a ResourceSlice: the devices of one node that a DRA driver gives out, by kind and by how pods get them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aimlib.api.accelerators import PARENT_ATTRIBUTES, ParentAttribute
from aimlib.api.device_slice import Device, ResourceSliceSpec
from aimlib.api.node import DeviceSlice, DevicesOfGpu, DynamicDevices, LeftOut, NodePool, NodeSpec
from aimlib.hardware.device_kinds import (
    TAINTED,
    VENDORS,
    DeviceKind,
    device_kind,
    selected_world,
)
from aimlib.hardware.device_selectors import DeviceClass
from aimlib.hardware.limits import MOST_KINDS, few_kinds
from aimlib.hardware.nodes import format_device, format_not_counted
from aimlib.hardware.products import Products, known_products
from aimlib.hardware.same_gpu import GpuMember, doubts, member

NO_CLASS = "no DeviceClass selects them, as far as its selectors are read"


class _Found(NamedTuple):
    """A device: what it is, and how pods get it."""

    kind: DeviceKind
    device_class: str | None
    resources: tuple[str, ...]
    """The extended resources by which pods may get it, the best first."""


def slice_facts(
    read: ResourceSliceSpec, classes: Sequence[DeviceClass] = (), table: Products | None = None
) -> NodeSpec | None:
    """The devices of a slice; None for one of a driver that is not known, or of no single node.

    `classes` are the DeviceClasses of the cluster, `table` the products, built-in ones if left out. Whether the pool is
    complete, and the node usable, is not known here.
    """
    if read.node_name is None or read.driver not in VENDORS:
        return None
    known = table or known_products()
    by_resource = _by_resource(classes)
    found = [_found(one, read.driver, classes, by_resource, known) for one in read.devices]
    members = [
        member(device, read.pool.name, one.kind, one.kind.doubt)
        for one, device in zip(found, read.devices, strict=True)
    ]
    found = _once(found, members)
    parents = _parents(found, read)
    made = {
        one: _pool(one, devices, read.driver, parents.get(one.kind.partition))
        for one, devices in Counter(found).items()
    }
    rows = few_kinds(made.values(), f"{VENDORS[read.driver]}.com/gpu")
    pools = [one for one in rows if isinstance(one, NodePool)]
    pools.sort(
        key=lambda pool: (pool.product, pool.partition or "", pool.memory_gib, pool.resource, repr(pool.dynamic))
    )
    rest = [one for one in rows if isinstance(one, LeftOut)]
    rest.sort(key=lambda one: (one.product or "", one.resource, one.reason))
    texts = [f"{pool.devices} x {format_device(pool)}" for pool in pools]
    return NodeSpec(
        usable=True,
        summary="; ".join(filter(None, (", ".join(texts), *map(format_not_counted, rest))))[:1024] or "no devices",
        pools=tuple(pools),
        left_out=tuple(rest),
        slice=DeviceSlice(
            node=read.node_name,
            driver=read.driver,
            pool=read.pool.name,
            generation=read.pool.generation,
            slices=read.pool.resource_slice_count,
            devices=len(read.devices),
            gives=_gives(found),
            gpus=_of_gpus(members, [pools.index(row) if (row := made[one]) in pools else None for one in found]),
        ),
    )


def _by_resource(classes: Iterable[DeviceClass]) -> Mapping[str, DeviceClass]:
    """The class of each extended resource: of several the newest, as for the scheduler (extendedresourcecache.go)."""
    found: dict[str, DeviceClass] = {}
    for one in sorted(classes, key=lambda one: one.name, reverse=True):
        resource = one.extended_resource
        if resource and (resource not in found or one.created >= found[resource].created):
            found[resource] = one
    return found


def _found(
    device: Device,
    driver: str,
    classes: Sequence[DeviceClass],
    by_resource: Mapping[str, DeviceClass],
    table: Products,
) -> _Found:
    kind, world = device_kind(device, driver, table), selected_world(device, driver)
    selecting = sorted(one.name for one in classes if one.selects(world))
    usual, partition = f"{kind.vendor}.com/gpu", kind.partition or ""
    resources = sorted(
        (resource for resource, one in by_resource.items() if one.name in selecting),
        key=lambda name: ((not name.endswith(partition)) if partition else name != usual, name),
    )
    if resources and not kind.shared_by_default:
        return _Found(kind, by_resource[resources[0]].name, tuple(resources))
    # Of several classes the driver's own, which selects all of its devices.
    return _Found(kind, min(selecting, key=lambda name: (name != driver, name), default=None), tuple(resources))


def _once(found: Sequence[_Found], members: Sequence[GpuMember | None]) -> list[_Found]:
    """The devices, where of those of the same GPU some do not count."""
    reasons = iter(doubts([one for one in members if one]))
    return [
        one if of is None else one._replace(kind=one.kind._replace(doubt=next(reasons)))
        for one, of in zip(found, members, strict=True)
    ]


def _of_gpus(members: Sequence[GpuMember | None], kinds: Sequence[int | None]) -> tuple[DevicesOfGpu, ...]:
    """Which devices are of the same GPU; whole ones that do not count matter where the driver has tainted them."""
    found: defaultdict[DevicesOfGpu, list[str]] = defaultdict(list)
    for one, kind in zip(members, kinds, strict=True):
        if one is None or not (one.ids or one.part):
            continue
        if one.form == "Part" or kind is not None or (one.form == "Whole" and one.doubt.startswith(TAINTED)):
            counters = tuple(sorted(one.counters))
            found[DevicesOfGpu(form=one.form, gpu=one.gpu, counters=counters, kind=kind, devices=1)].append(one.part)
    made = (
        one.model_copy(update={"devices": len(parts), "parts": tuple(sorted(filter(None, parts)))})
        for one, parts in found.items()
    )
    return tuple(sorted(made, key=repr))


def _gives(found: Iterable[_Found]) -> dict[str, tuple[str, ...]]:
    """The kinds of devices that a pod may get by each extended resource, counted or not."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for one in found:
        for resource in one.resources if not one.kind.doubt.startswith(TAINTED) else ():
            kinds[resource].add(f"{one.kind.text}{f': {one.kind.doubt}' if one.kind.doubt else ''}")
    return {resource: tuple(sorted(texts)[:MOST_KINDS]) for resource, texts in sorted(kinds.items())}


def _parents(found: Sequence[_Found], read: ResourceSliceSpec) -> dict[str | None, ParentAttribute | None]:
    """The attribute that tells of which GPU they are, by partition: the first that all of these devices have."""
    has: defaultdict[str | None, list[set[str]]] = defaultdict(list)
    for one, device in zip(found, read.devices, strict=True):
        if one.kind.partition and not one.kind.doubt:
            full = {name if "/" in name else f"{read.driver}/{name}" for name in device.attributes}
            has[one.kind.partition].append(full)
    candidates = PARENT_ATTRIBUTES.get(read.driver, ())
    return {
        partition: next((one for one in candidates if all(one in names for names in every)), None)
        for partition, every in has.items()
    }


def _pool(one: _Found, devices: int, driver: str, parent: ParentAttribute | None) -> NodePool | LeftOut:
    kind, extended = one.kind, None if one.kind.shared_by_default else next(iter(one.resources), None)
    reason = kind.doubt or ("" if one.device_class else NO_CLASS)
    if reason or one.device_class is None:
        resource = extended or one.device_class or driver
        product = kind.product if kind.product_name else None
        return LeftOut(product=product, resource=resource, devices=devices, reason=reason)
    return NodePool(
        product=kind.product,
        vendor=kind.vendor,
        architecture=kind.architecture,
        partition=kind.partition,
        shared=kind.time_sliced,
        memory_gib=kind.memory_gib,
        resource=extended or one.device_class,
        devices=devices,
        dynamic=DynamicDevices(
            driver=driver,
            device_class=one.device_class,
            extended_resource=extended,
            product_name=kind.product_name,
            device_type=kind.device_type,
            shareable=kind.shareable,
            parent_attribute=parent,
            memory_unknown=kind.memory_unknown or None,
        ),
    )
