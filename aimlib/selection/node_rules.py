"""The rules about nodes: what the cluster has of the hardware, and whether one node has all that a replica needs."""

from collections.abc import Callable
from functools import partial

from aimlib.api.node import GpuClass, NodeShape, Taint
from aimlib.api.room import FullHardware
from aimlib.hardware.left_out import format_left_out
from aimlib.hardware.placement import keeps_away, lacking
from aimlib.hardware.products import CPU
from aimlib.hardware.shapes import HostRequest, amounts, shapes_of
from aimlib.printable import printable
from aimlib.selection.allocation import asked_for
from aimlib.selection.candidates import Case, Rejection, RuleResult, format_gpus, published_image
from aimlib.selection.container_resources import host_request
from aimlib.selection.left_out import and_left_out, not_counted, product_name


def hardware(case: Case) -> RuleResult:
    """The product is there, whole, and its devices work together."""
    name, alone = product_name(case), case.configuration.gpu_count < 2
    there = [one for one in case.classes if one.product == name]
    if not there:
        return Rejection(name, partial(_instead_of, case, name))
    own = [one for one in there if case.requirements.time_sliced or not one.shared]
    if not own:
        shared = case.requirements.gpu_share is not None
        why = NO_SHARES if shared else "accelerators.allowTimeSliced lets an endpoint on them"
        return Rejection(f"{name} that are not time-sliced", f"shared GPUs only ({why}){and_left_out(case)}")
    joined = tuple(one for one in own if alone or not (one.shared or (one.vendor == "nvidia" and one.partition)))
    if not joined:
        kinds = ("MIG devices" * any(one.partition for one in own), "time-sliced GPUs" * any(one.shared for one in own))
        return Rejection(
            f"{name} that one replica can combine", f"{' and '.join(filter(None, kinds))} only{and_left_out(case)}"
        )
    return case._replace(classes=joined)


NO_SHARES = "of their memory nobody gives out shares"
NO_GPUS = "no GPUs (a pool of nodes that is scaled to zero counts from its first node on, or by hardwareMayCome)"


def _instead_of(case: Case, name: str) -> str:
    """What the cluster has instead of a product, and what of it does not count."""
    present = ", ".join(sorted({one.product for one in case.classes if one.product != CPU}))
    if name == CPU:
        return f"no node that can be used: {format_left_out(case.left_out)}" if case.left_out else "no nodes"
    own, others = not_counted(case, name), [one for one in case.left_out if one.product != CPU]
    if own:
        return f"{present or 'none that can be used'}: {format_left_out(own, name)}"
    if present:
        return present
    if others:
        return f"no GPUs that can be used: {format_left_out(others)}"
    return NO_GPUS


def may_have_hardware(case: Case) -> bool:
    """Whether the cluster has, or may have, the product of a candidate among what does not count."""
    return bool(not_counted(case, product_name(case)))


def hardware_distance(case: Case) -> int:
    """How far a candidate is from the cluster's hardware, nearest first."""
    hardware = case.hardware
    if hardware is None:
        return 5
    own = not_counted(case, hardware.name)
    table = (
        any(one.product == hardware.name for one in case.classes),
        any(one.product == hardware.name for one in own),
        own,
        any(one.architecture == hardware.architecture for one in case.classes if one.product != CPU),
        any(one.vendor == hardware.vendor for one in case.classes),
    )
    return next((place for place, applies in enumerate(table) if applies), len(table))


def selected_nodes(case: Case) -> RuleResult:
    """The nodes have the labels of nodeSelector, as far as the inventory knows them."""
    if not case.node_selector:
        return case
    left = case.narrowed(lambda one: not lacking(case.node_selector, one.labels))
    if left.classes:
        return left
    wanted = sorted({label for one in case.classes for label in lacking(case.node_selector, one.labels)})
    keys = {label.partition("=")[0] for label in wanted}
    found = sorted(
        {
            label.replace("!", "no ")
            for one in case.classes
            for label in one.labels
            if label.removeprefix("!").partition("=")[0] in keys
        }
    )
    shown = printable(", ".join(wanted), SELECTOR_SHOWN)
    others = f"{product_name(case)} on nodes with {' or '.join(found[:LARGEST_SHOWN])}{and_left_out(case)}"
    return Rejection(f"nodes with {shown}", others)


SELECTOR_SHOWN = 256
"""Characters of a selector in a message."""


def architecture(case: Case) -> RuleResult:
    """The engine's own image has binaries for some architectures; of another image, nothing is known."""
    hardware, launched = case.hardware, case.launch
    if hardware is None or case.requirements.own_image:
        return case
    named = case.recipe.image or case.config.images
    if named and published_image(case) != launched.engine.image(hardware.vendor, hardware.architecture):
        return case
    built = launched.engine.architectures(hardware.vendor)
    left = case.on_nodes(lambda shape: shape.architecture is None or shape.architecture in built)
    if left.classes:
        return left
    found = sorted({shape.architecture or "" for one in case.classes for shape in shapes_of(one)})
    wanted = f"{case.recipe.hardware} on {' or '.join(built)}, as its image is"
    return Rejection(wanted, f"them on {', '.join(found)}{and_left_out(case)}")


def one_node(case: Case) -> RuleResult:
    """Devices, CPUs, memory and storage of one and the same node: those of several do not add up."""
    count, request = case.devices_per_node, _requested_of_host(case)
    left = case.on_nodes(lambda shape: shape.devices >= count and _has_room(case, shape) and request.fits(shape))
    if left.classes:
        return left
    enough = case.on_nodes(lambda shape: shape.devices >= count)
    if not enough.classes:
        most = max(shape.devices for one in case.classes for shape in shapes_of(one))
        return Rejection(f"{format_gpus(count)} on one node", f"at most {most}{and_left_out(case)}")
    room = enough.on_nodes(partial(_has_room, case))
    without_storage = request._replace(ephemeral_storage_gib=0)
    if room.on_nodes(without_storage.fits).classes:
        largest = max(_known(enough, lambda shape: shape.ephemeral_storage_gib))
        return Rejection(
            f"{request.ephemeral_storage_gib:.0f} GiB of ephemeral storage on one node"
            f"{', where the model is downloaded' * case.downloads}",
            f"at most {largest:g} GiB{and_left_out(case)}"
            f"{'; a cache (cache.enabled: true, or an AIMCache) is a volume' * case.downloads}",
        )
    gpus = f"{format_gpus(count)} with " if count else ""
    return Rejection(
        f"{gpus}{_host_text(request.cpus, request.memory_gib)} on one node", _largest(enough) + and_left_out(case)
    )


def enough_nodes(case: Case) -> RuleResult:
    """As many nodes of one class as a replica is on, and what runs pods on several as one."""
    if case.nodes == 1:
        return case
    count = case.devices_per_node
    left = case.narrowed(lambda one: _nodes_with(one, count) >= case.nodes)
    if not left.classes:
        most = max(_nodes_with(one, count) for one in case.classes)
        found = f"{most} node{'s' * (most != 1)} with as many{and_left_out(case)}"
        return Rejection(f"{case.nodes} equal nodes with {format_gpus(count)} each", found)
    if case.groups:
        return left
    return Rejection(f"LeaderWorkerSets, since a replica is on {case.nodes} nodes", f"none: {WITHOUT_GROUPS}")


WITHOUT_GROUPS = "the component multi-node adds them"


def _nodes_with(one: GpuClass, devices: int) -> int:
    """Nodes of a class that may have so many devices: no more than its devices make. A pool may grow as it needs."""
    return UNBOUNDED if one.may_come else min(one.nodes, one.total // max(devices, 1))


UNBOUNDED = 2**16


def _has_room(case: Case, shape: NodeShape) -> bool:
    """Whether a node has the memory that a model needs on processors; that of GPUs is equal in a class."""
    memory = shape.memory_gib
    return memory is None or case.configuration.gpu_count > 0 or case.launch.fits(memory)


def _requested_of_host(case: Case) -> HostRequest:
    """What a replica requests of its node, and what it downloads there."""
    facts, configuration = case.recipe.facts, case.configuration
    request = host_request(case.resources, configuration.resources, case.devices_per_node, case.config)
    if facts and case.downloads:
        files = facts.weights_gib + (case.recipe.draft.facts.weights_gib if case.recipe.draft else 0)
        request = request._replace(ephemeral_storage_gib=max(request.ephemeral_storage_gib, files))
    return request


def _known(case: Case, amount: Callable[[NodeShape], float | None]) -> list[float]:
    """An amount of the nodes that report it."""
    found = (amount(shape) for one in case.classes for shape in shapes_of(one))
    return [size for size in found if size is not None]


def _largest(case: Case) -> str:
    """The largest nodes, which are several where one has more CPUs and another more memory."""
    shapes = [shape for one in case.classes for shape in shapes_of(one)]
    largest = sorted({amounts(shape)[1:3] for shape in shapes}, reverse=True)
    texts = [
        _host_text(*size)
        for size in largest
        if not any(size != other and size[0] <= other[0] and size[1] <= other[1] for other in largest)
    ]
    return f"at most {' or '.join(texts[:LARGEST_SHOWN])}"


LARGEST_SHOWN = 3


def _host_text(cpus: float, memory_gib: float) -> str:
    return f"{cpus:.4g} CPU{'s' * (cpus != 1)} and {round(memory_gib, 1):g} GiB"


def taints(case: Case) -> RuleResult:
    """Nothing keeps its pods away."""
    keys, stated = case.config.tolerated_taints, case.requirements.tolerations or ()

    def keeps(one: GpuClass, taint: Taint) -> bool:
        return keeps_away(taint, keys.get(one.vendor, ()), stated)

    left = case.narrowed(lambda one: not (one.taints and any(keeps(one, taint) for taint in one.taints)))
    if left.classes:
        return left
    away = [(one, taint) for one in case.classes for taint in one.taints if keeps(one, taint)]
    texts = ", ".join(sorted({str(taint) for _, taint in away}))
    vendor = case.classes[0].vendor
    remedy = f"toleratedTaints.{vendor} of the settings, or the endpoint's tolerations, have what is tolerated"
    only = "; NoExecute only by the endpoint's" * any(taint.effect == "NoExecute" for _, taint in away)
    nodes = sum(one.nodes for one in case.classes)
    return Rejection(
        "nodes without taints that it does not tolerate",
        f"{nodes} node{'s' * (nodes > 1)} tainted {texts} ({remedy}{only}){and_left_out(case)}",
    )


def room(case: Case) -> RuleResult:
    """The scheduler did not report that there is no room for as many GPUs, or for fewer."""
    count = case.configuration.gpu_count
    full = [one for one in case.room.full if one.gpu_count <= count]

    def is_full(one: GpuClass) -> FullHardware | None:
        asked = asked_for(case, one)
        return next((found for found in full if found.covers(one.product, one.partition, asked)), None)

    left = case.narrowed(lambda one: is_full(one) is None) if full else case
    if left.classes:
        return left
    found = next(filter(None, map(is_full, case.classes)))
    where, name = " on one node" * (case.nodes == 1), product_name(case)
    return Rejection(f"{format_gpus(count)} free{where} with {name}", f"none since {found.since}: {found.message}")
