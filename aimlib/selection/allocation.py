"""The rules about how pods get devices: by a resource of the node or by a ResourceClaim, whole or a share of one."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from aimlib.api.accelerators import PARENT_ATTRIBUTES, DeviceClaim
from aimlib.api.node import GpuClass
from aimlib.hardware.amd import parts_of
from aimlib.hardware.device_claims import device_claim, not_claimable
from aimlib.hardware.nodes import format_device
from aimlib.selection.candidates import Case, Rejection, RuleResult
from aimlib.selection.share_arguments import FRACTION_STEPS, share_fraction

UNBOUNDED_FLAGS = frozenset({"--kv-cache-memory-bytes", "--num-gpu-blocks-override"})
"""Flags of vLLM 0.33 that set the size of the KV cache whatever the engine's fraction is (config/cache.py)."""

NO_PARENT = "their driver has no attribute that all partitions of one GPU have in common"


class Taken(NamedTuple):
    """How the devices of a class are asked for."""

    by_claim: bool
    why: str
    """In words; empty for the resource of a device plugin."""


def taken(case: Case, one: GpuClass) -> Taken:
    """How a candidate asks for devices of a class: the first row that applies."""
    dynamic, stated = one.dynamic, case.requirements.allocation
    if dynamic is None:
        return Taken(by_claim=False, why="")
    extended = dynamic.extended_resource
    given = f"by the resource {extended} of the DeviceClass {dynamic.device_class}"
    table = (
        (case.requirements.gpu_share, True, "which alone can ask for a share"),
        (extended is None, True, f"since the driver {dynamic.driver} gives them out by claims alone"),
        (stated == "DRA", True, "as accelerators.allocation states"),
        (stated == "DevicePlugin", False, given),
        (_of_one_gpu(case, one), True, "so that all partitions are of one GPU"),
        (True, False, given),
    )
    return next(Taken(by_claim, why) for applies, by_claim, why in table if applies)


def _of_one_gpu(case: Case, one: GpuClass) -> bool:
    """Whether a replica has several partitions, and one GPU as many."""
    return one.dynamic is not None and one.dynamic.parent_attribute is not None and _may_be_of_one_gpu(case, one)


def _may_be_of_one_gpu(case: Case, one: GpuClass) -> bool:
    count, dynamic = case.configuration.gpu_count, one.dynamic
    if dynamic is None or one.partition is None or count < 2 or dynamic.driver not in PARENT_ATTRIBUTES:
        return False
    return count <= (parts_of(case.hardware, one.partition) or 1)


def _not_claimable(case: Case, one: GpuClass) -> str:
    """Why no ResourceClaim can ask for the devices of a replica; empty where one can."""
    if _may_be_of_one_gpu(case, one) and not _of_one_gpu(case, one):
        return f"{NO_PARENT}; a configuration with one GPU needs none"
    return not_claimable(one)


def claim_of(case: Case, one: GpuClass) -> DeviceClaim | None:
    """What the ResourceClaims of a candidate ask for on a class; None where its pods request a resource."""
    if not case.configuration.gpu_count or not taken(case, one).by_claim:
        return None
    return device_claim(one, share=case.requirements.gpu_share, one_gpu=_of_one_gpu(case, one))


def asked_for(case: Case, one: GpuClass) -> str:
    """By what pods ask for devices of a class: a resource, or the DeviceClass of a ResourceClaim."""
    return one.dynamic.device_class if one.dynamic and taken(case, one).by_claim else one.resource


def allocation(case: Case) -> RuleResult:
    """The devices can be asked for in the way that is stated, and by names that an expression may have."""
    stated = case.requirements.allocation
    if not case.configuration.gpu_count or (stated is None and all(one.dynamic is None for one in case.classes)):
        return case
    if stated == "DRA" and all(one.dynamic is None for one in case.classes):
        names = " or ".join(sorted({one.resource for one in case.classes}))
        seen = "what DRA drivers give out is seen with the kustomize component dra"
        return Rejection(
            f"{_product(case)} by a ResourceClaim (accelerators.allocation: DRA)", f"{names} alone; {seen}"
        )
    by_resource = stated == "DevicePlugin"
    left = case.narrowed(lambda one: not taken(case, one).by_claim) if by_resource else case
    if not left.classes:
        classes = " or ".join(sorted({one.dynamic.device_class for one in case.classes if one.dynamic}))
        found = f"ResourceClaims of the DeviceClass {classes} alone, which accelerators.allocation: Auto takes"
        return Rejection(f"{_product(case)} by a resource of its nodes (accelerators.allocation: DevicePlugin)", found)
    kept = left.narrowed(
        lambda one: (stated != "DRA" and not taken(case, one).by_claim) or not _not_claimable(case, one),
    )
    if kept.classes:
        return kept
    why = " or ".join(sorted({_not_claimable(case, one) for one in left.classes} - {""}))
    return Rejection(f"{_product(case)} that a ResourceClaim can ask for", f"none: {why}")


def share(case: Case) -> RuleResult:
    """One device has the share that is stated, its driver gives out shares, and the engine keeps to it."""
    size, gib = case.requirements.gpu_share, case.share_gib
    if size is None or gib is None:
        return case
    requested, count = f"a share of {gib:.4g} GiB of one GPU", case.configuration.gpu_count
    if count != 1:
        has = "none" if count == 0 else f"{count}"
        return Rejection(f"a share of {gib:.4g} GiB", f"none: a share is of one GPU; this configuration has {has}")
    # A value that begins with a dash is in one word with its flag.
    if unbounded := sorted(UNBOUNDED_FLAGS.intersection(arg.partition("=")[0] for arg in case.launch.args)):
        return Rejection(requested, f"an engine with {' and '.join(unbounded)}, whose KV cache no share bounds")
    shared = case.narrowed(lambda one: one.dynamic is not None and one.dynamic.shareable and not not_claimable(one))
    if not shared.classes:
        return Rejection(requested, partial(_instead_of_share, case))
    left = shared.narrowed(lambda one: gib <= case.products.seen_gib(one) and share_fraction(case, gib, one) > 0)
    return left if left.classes else Rejection(requested, partial(_bounds_of_share, shared, gib))


def _bounds_of_share(case: Case, gib: float) -> str:
    """How large a share of these classes may be, where none of them has one of that size."""
    sizes = sorted(map(case.products.seen_gib, case.classes))
    if gib > sizes[-1]:
        return f"{sizes[-1]:.4g} GiB in all on {_product(case)}"
    least = f"{sizes[0] / FRACTION_STEPS:.2g} GiB for the engine, which takes whole thousandths"
    return f"at least {least} of {sizes[0]:.4g} GiB on {_product(case)}"


def _instead_of_share(case: Case) -> str:
    """What there is where no driver gives out shares."""
    if case.classes[0].vendor != "amd":
        return "; ".join(_instead_on_nvidia(case))
    there = _parts(case) or _modes(case)
    return f"{_product(case)}, of which AMD's driver gives out partitions and no shares; {there}"


def _instead_on_nvidia(case: Case) -> Iterator[str]:
    own = [one for one in case.classes if not one.partition]
    table = ((any(not one.shared for one in own), "given out whole"), (any(one.shared for one in own), "time-sliced"))
    if kinds := " or ".join(kind for applies, kind in table if applies):
        yield f"{_product(case)} that are {kinds}"
        yield "NVIDIA's DRA driver shares them (--consumable-shares=memory)"
    else:
        yield f"MIG devices of {_product(case)}, which are given out whole"
    if parts := _parts(case):
        yield parts


def _parts(case: Case) -> str:
    """The partitions or MIG devices of the cluster, which are parts of GPUs as well; empty without any."""
    parts = sorted({format_device(one) for one in case.classes if one.partition})
    return f"the cluster has {' and '.join(parts)}: leave out gpuShare" if parts else ""


def _modes(case: Case) -> str:
    """What partitions of a product there can be."""
    hardware = case.hardware
    memory = (hardware.memory_gib if hardware else None) or 0
    known = sorted(((count, mode) for mode, count in (hardware.partitions if hardware else {}).items() if count > 1))
    sizes = ", ".join(f"{mode} ({memory / count:g} GiB)" for count, mode in known)
    return f"partition its nodes{f' as {sizes}' if sizes else ''}, and leave out gpuShare"


def _product(case: Case) -> str:
    hardware = case.hardware
    return hardware.name if hardware else case.recipe.hardware


def allocation_text(case: Case) -> str:
    """How the selected candidate gets its devices, where that is by more than a device plugin's resource."""
    one = case.first_class
    if not case.configuration.gpu_count:
        return ""
    found, gib, text = taken(case, one), case.share_gib, ""
    if gib is not None:
        fraction, flag = share_fraction(case, gib, case.first_class), case.launch.engine.flags.memory_fraction
        text += f"; a share of {gib:.4g} GiB of {format_device(one)}, to which {flag} is scaled: {fraction:g}"
    if found.why:
        text += f"; {'by a ResourceClaim, ' * found.by_claim}{found.why}"
    if found.by_claim and _of_one_gpu(case, one) and one.dynamic and one.dynamic.extended_resource is None:
        text += "; all partitions are of one GPU"
    return text
