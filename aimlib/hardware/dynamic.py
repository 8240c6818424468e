"""Adds what ResourceSlices have to the facts of their nodes, so that each device is counted once, and only once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from aimlib.api.node import DeviceSlice, DevicesOfGpu, LabelledDevices, LeftOut, NodePool, NodeSpec
from aimlib.hardware.device_kinds import TAINTED, VENDORS
from aimlib.hardware.labels import NODE_NAME
from aimlib.hardware.limits import few_kinds, plausible
from aimlib.hardware.products import Products, known_products
from aimlib.hardware.same_gpu import GpuMember, doubts

NO_NODE = NodeSpec(usable=False, reason="its Node is gone, or was not read yet", summary="")
"""The facts of a node that slices name and of which there are none: a slice has no heartbeat."""

UNKNOWN_DRIVER = "their driver is not known to this release"


class SliceFacts(NamedTuple):
    """The facts of one ResourceSlice."""

    slice: DeviceSlice
    spec: NodeSpec


def with_slices(node: NodeSpec | None, slices: Iterable[SliceFacts], table: Products | None = None) -> NodeSpec:
    """The facts of a node together with those of its slices; `node` is None where there are none of the node.

    What the device plugin of a vendor gives counts, and the slices of its driver do not: the scheduler takes the device
    plugin first (shouldDelegateResourceToDRA in pkg/scheduler/framework/plugins/noderesources/fit.go). A pool that is
    not complete, or that has more devices than a node can have, is left out, as is one of a driver that is not known.
    """
    known, node = table or known_products(), node or NO_NODE
    given = _given_by_plugins(node)
    mine = [one for one in slices if VENDORS.get(one.slice.driver) not in given]
    if not mine:
        return node
    drivers = sorted({one.slice.driver for one in mine} & VENDORS.keys())
    complete = {driver: _complete([one for one in mine if one.slice.driver == driver]) for driver in drivers}
    believed = [one for members, _ in complete.values() for one in members]
    complete = {driver: (_each_gpu_once(members), missing) for driver, (members, missing) in complete.items()}
    found = [
        one
        for driver, (members, missing) in complete.items()
        for one in few_kinds(plausible((*_devices(members), *missing), known), f"{VENDORS[driver]}.com/gpu")
    ]
    labelled: dict[str, tuple[str | None, LabelledDevices | None]] = {
        VENDORS[driver]: (one.product, one.labelled)
        for one in node.left_out
        for driver in drivers
        if one.labelled and one.resource.startswith(f"{VENDORS[driver]}.com/")
    }
    gives: defaultdict[str, set[str]] = defaultdict(set)
    for one in believed:
        for resource, kinds in one.slice.gives.items():
            gives[resource].update(kinds)
    pools = [
        _placed(one if len(gives[one.resource]) == 1 else claimed(one), *labelled.get(one.vendor, (None, None)))
        for one in found
        if isinstance(one, NodePool)
    ]
    left_out = [one for one in found if isinstance(one, LeftOut)]
    left_out += [_of_unknown_driver(one.slice) for one in mine if one.slice.driver not in VENDORS]
    rest = (one for one in node.left_out if not (one.labelled and one.resource.partition(".")[0] in labelled))
    gpus = sorted((*node.pools[:-1], *pools), key=_order)
    return node.model_copy(
        update={"pools": (*gpus, *node.pools[-1:]), "left_out": (*rest, *sorted(left_out, key=repr))}
    )


def on_node(spec: NodeSpec, node: NodeSpec | None) -> NodeSpec:
    """The facts of one slice with whether its devices count, as far as that is the node's; `node` as above."""
    node = node or NO_NODE
    twice = spec.slice is not None and VENDORS.get(spec.slice.driver) in _given_by_plugins(node)
    reason = node.reason or (
        "a device plugin gives the GPUs of the node, and they are counted there" if twice else None
    )
    return spec.model_copy(update={"usable": node.usable and not twice, "reason": reason})


def _given_by_plugins(node: NodeSpec) -> set[str]:
    """The vendors whose device plugin gives devices of a node, counted or not."""
    counted = {pool.vendor for pool in node.pools}
    return counted | {vendor for vendor in VENDORS.values() for one in node.left_out if _is_given(one, vendor)}


def _is_given(one: LeftOut, vendor: str) -> bool:
    """Whether a device plugin gives devices of a vendor that are not counted."""
    return one.labelled is None and one.resource.startswith((f"{vendor}.com/", f"beta.{vendor}.com/"))


def _complete(slices: Sequence[SliceFacts]) -> tuple[list[SliceFacts], list[LeftOut]]:
    """The slices of complete pools, of their newest generation; and devices of pools of which some are missing."""
    pools: defaultdict[tuple[str, str], list[SliceFacts]] = defaultdict(list)
    for one in slices:
        pools[one.slice.driver, one.slice.pool].append(one)
    believed, left_out = [], []
    for (driver, _), members in sorted(pools.items()):
        newest = max(one.slice.generation for one in members)
        current = [one for one in members if one.slice.generation == newest]
        stated = max(one.slice.slices for one in current)
        if len(current) == stated == min(one.slice.slices for one in current):
            believed += current
            continue
        products = {pool.product for one in current for pool in one.spec.pools}
        reason = f"{len(current)} of {stated} ResourceSlices of their pool are there"
        devices = sum(one.slice.devices for one in current)
        product = products.pop() if len(products) == 1 else None
        left_out.append(LeftOut(product=product, resource=f"{VENDORS[driver]}.com/gpu", devices=devices, reason=reason))
    return believed, left_out


def _each_gpu_once(slices: Sequence[SliceFacts]) -> list[SliceFacts]:
    """The slices of one driver, where devices that are of the GPU of others do not count in one of them."""
    ordered = sorted(slices, key=lambda one: (one.slice.pool, repr(one)))
    entries = [(number, entry) for number, one in enumerate(ordered) for gpu in one.slice.gpus for entry in _each(gpu)]
    reasons = doubts([_member(ordered[number].spec, entry) for number, entry in entries])
    removed: defaultdict[int, list[tuple[DevicesOfGpu, str]]] = defaultdict(list)
    for (number, entry), reason in zip(entries, reasons, strict=True):
        removed[number].append((entry, reason))
    return [one._replace(spec=_without(one.spec, removed[number])) for number, one in enumerate(ordered)]


def _each(entry: DevicesOfGpu) -> Iterator[DevicesOfGpu]:
    """Each part by itself, and all of those that cannot be told apart."""
    yield from (entry.model_copy(update={"parts": (part,), "devices": 1}) for part in entry.parts)
    if (rest := entry.devices - len(entry.parts)) > 0:
        yield entry.model_copy(update={"parts": (), "devices": rest})


def _member(spec: NodeSpec, entry: DevicesOfGpu) -> GpuMember:
    kinds = [
        repr(pool.model_copy(update={"devices": 0})) for place, pool in enumerate(spec.pools) if place == entry.kind
    ]
    doubt = TAINTED * (not kinds)
    return GpuMember(entry.form, entry.gpu, frozenset(entry.counters), "".join(kinds), doubt, "".join(entry.parts))


def _without(spec: NodeSpec, removed: Sequence[tuple[DevicesOfGpu, str]]) -> NodeSpec:
    """The facts of a slice, with devices left out for a reason."""
    pools, left_out = [], [*spec.left_out]
    for place, pool in enumerate(spec.pools):
        gone = [(one.devices, reason) for one, reason in removed if reason and one.kind == place]
        left_out += (
            LeftOut(product=pool.product, resource=pool.resource, devices=devices, reason=reason)
            for devices, reason in gone
        )
        if (left := pool.devices - sum(devices for devices, _ in gone)) > 0:
            pools.append(pool.model_copy(update={"devices": left}))
    return spec.model_copy(update={"pools": tuple(pools), "left_out": tuple(left_out)})


def _of_unknown_driver(one: DeviceSlice) -> LeftOut:
    """The devices of a slice that another release has read."""
    return LeftOut(resource=one.driver, devices=one.devices, reason=UNKNOWN_DRIVER)


def _devices(slices: Iterable[SliceFacts]) -> Iterator[NodePool | LeftOut]:
    """What slices have, with devices of the same kind added up, and those that they leave out."""
    found: defaultdict[str, list[NodePool]] = defaultdict(list)
    for one in slices:
        yield from one.spec.left_out
        for pool in one.spec.pools:
            found[repr(pool.model_copy(update={"devices": 0}))].append(pool)
    for _, same in sorted(found.items()):
        yield same[0].model_copy(update={"devices": sum(pool.devices for pool in same)})


def claimed(pool: NodePool) -> NodePool:
    """Devices that pods get by a claim alone, since the extended resource stands for others, too."""
    if pool.dynamic is None or pool.dynamic.extended_resource is None:
        return pool
    dynamic = pool.dynamic.model_copy(update={"extended_resource": None})
    return pool.model_copy(
        update={"resource": dynamic.device_class, "dynamic": dynamic, "node_label": None, "node_product": None}
    )


def _placed(pool: NodePool, product: str | None, labels: LabelledDevices | None) -> NodePool:
    """Devices with the label by which pods find the node; the node's own name where no label says what they are."""
    if pool.dynamic is None or pool.dynamic.extended_resource is None:
        return pool
    if labels is None or product != pool.product or not _says_enough(pool, labels):
        return pool.model_copy(update={"node_label": NODE_NAME})
    return pool.model_copy(update={"node_label": labels.node_label, "node_product": labels.node_product})


def _says_enough(pool: NodePool, labels: LabelledDevices) -> bool:
    """Whether labels and the resource's name together tell these devices from others of the product."""
    if pool.resource == f"{pool.vendor}.com/gpu":
        return labels.partition == pool.partition
    return pool.partition is not None and pool.resource.endswith(pool.partition)


def _order(pool: NodePool) -> tuple[str, ...]:
    return pool.resource, pool.product, pool.partition or "", f"{pool.memory_gib:09.1f}"
