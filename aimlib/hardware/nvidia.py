"""Reads NVIDIA's devices of a node from the labels of GPU feature discovery or GKE, and what is allocatable."""

import re
from collections.abc import Iterator, Mapping

from aimlib.api.node import LabelledDevices, LeftOut, NodePool
from aimlib.hardware.labels import CLOUD_NAMES, GKE_ACCELERATOR, GKE_DIVIDED, NVIDIA_PRODUCT
from aimlib.hardware.plausible import Doubt, devices_doubt, memory_doubt, product_doubt
from aimlib.hardware.products import Product, Products
from aimlib.hardware.resources import (
    NONE_ALLOCATABLE,
    count_of,
    label_count,
    left_out,
    not_allocatable,
    resources_of,
)

NVIDIA_RESOURCE = re.compile(r"nvidia\.com/(gpu|mig-.+)(\.shared)?")
MIG_GIB = re.compile(r"[0-9]+g\.([0-9]{1,4})gb.*")
"""A MIG profile such as 1g.10gb, 3g.40gb or 1g.10gb.me, in which GB is the nominal memory."""
MIG_PARTS = 7
MIG_LOSS = 0.75
"""The least part of its nominal memory that a MIG device has."""
NO_NVIDIA_LABEL = "no label nvidia.com/gpu.product says what they are: GPU feature discovery is not installed"
INVALID_PROFILE = "INVALID"
"""What feature discovery has for a profile where the strategy single does not apply."""
SEVERAL_PROFILES = (
    "MIG has divided them in several ways, or only some of them, which the strategy single does not give out "
    "(MIG-INVALID): divide all of them alike, or take the strategy mixed"
)
UNLABELLED_SHARE = (
    "implausible: the labels count {counted}, and none tells that these are shared (nvidia.com/gpu.sharing-strategy)"
)
DIVIDED = "GKE has partitioned or shared them, and no label nvidia.com/gpu.product says how"


def nvidia_devices(
    labels: Mapping[str, str], allocatable: Mapping[str, str], table: Products
) -> Iterator[NodePool | LeftOut]:
    """NVIDIA's devices by resource: those that count, and those that do not with the reason."""
    label = labels.get(NVIDIA_PRODUCT, "")
    title, _, profile = label.removesuffix("-SHARED").partition("-MIG-")
    by_gke = None if label else table.by_gke_name(labels.get(GKE_ACCELERATOR, ""))
    hardware = by_gke or table.by_nvidia_product(title) or table.product(title)
    doubt = product_doubt(hardware, "nvidia")
    name = hardware.name if hardware else title
    found = [resource for resource in resources_of(NVIDIA_RESOURCE, allocatable) if count_of(allocatable, resource)]
    if not found and (label or by_gke) and not doubt:
        labelled = LabelledDevices(partition=profile or None, node_product=label or labels.get(GKE_ACCELERATOR))
        reason = SEVERAL_PROFILES if profile == INVALID_PROFILE else NONE_ALLOCATABLE
        yield not_allocatable(name, "nvidia.com/gpu", _counted(labels), labelled, reason)
    for resource in found:
        if not (label or by_gke):
            yield left_out(allocatable, resource, _named_by_cloud(labels, table), NO_NVIDIA_LABEL)
        elif doubt:
            yield left_out(allocatable, resource, None, doubt)
        elif profile == INVALID_PROFILE and resource.startswith("nvidia.com/gpu"):
            yield left_out(allocatable, resource, name, SEVERAL_PROFILES)
        elif by_gke and any(key in labels for key in GKE_DIVIDED):
            yield left_out(allocatable, resource, name, DIVIDED)
        else:
            yield _pool(labels, allocatable, resource, (name, profile), hardware)


def _named_by_cloud(labels: Mapping[str, str], table: Products) -> str | None:
    """The product by the labels of clouds; None where they name none that is known."""
    values = (re.sub("^(nvidia-)?(tesla-|ampere-)?", "", labels.get(key, "").lower()) for key in CLOUD_NAMES)
    return next((found.name for value in values if value and (found := table.product(value))), None)


def _pool(
    labels: Mapping[str, str],
    allocatable: Mapping[str, str],
    resource: str,
    labelled: tuple[str, str],
    hardware: Product | None,
) -> NodePool | LeftOut:
    name, profile = labelled
    kind = resource.removeprefix("nvidia.com/").removesuffix(".shared")
    own = f"nvidia.com/{kind}."  # MIG devices with resources of their own have labels of their own
    mig = profile if kind == "gpu" else kind.removeprefix("mig-")
    time_sliced = labels.get(f"{own}sharing-strategy", "none") not in {"", "none"}
    shared = time_sliced or resource.endswith(".shared") or labels.get(f"{own}product", "").endswith("-SHARED")
    product_label = labels.get(NVIDIA_PRODUCT) or labels.get(GKE_ACCELERATOR)
    memory, doubt = _memory(labels.get(f"{own}memory", ""), hardware, product_label, mig)
    devices = count_of(allocatable, resource)
    counted = None if mig else _counted(labels)
    # A shared device is there as often as it is shared.
    several = devices_doubt(devices, None) if shared else devices_doubt(devices, hardware, MIG_PARTS if mig else 1)
    if counted and devices > counted and not shared:
        several = UNLABELLED_SHARE.format(counted=counted)
    doubt = doubt or several
    if doubt:
        return left_out(allocatable, resource, name, doubt)
    return NodePool(
        product=name,
        vendor="nvidia",
        architecture=hardware.architecture if hardware else _architecture(labels),
        node_product=product_label,
        partition=mig or None,
        shared=shared,
        memory_gib=memory,
        resource=resource,
        devices=devices,
    )


def _architecture(labels: Mapping[str, str]) -> str | None:
    """The compilation target by the labels of the compute capability, such as sm_89 for 8 and 9."""
    major, minor = (labels.get(f"nvidia.com/gpu.compute.{part}", "") for part in ("major", "minor"))
    return f"sm_{major}{minor}" if re.fullmatch("[0-9]{1,2}", major) and re.fullmatch("[0-9]", minor) else None


def _counted(labels: Mapping[str, str]) -> int | None:
    """The number of whole devices by the labels."""
    return label_count(labels.get("nvidia.com/gpu.count") or labels.get(f"{GKE_ACCELERATOR}-count", ""))


def _memory(text: str, hardware: Product | None, label: str | None, mig: str) -> tuple[float, Doubt]:
    """GiB per device, by the label in MiB or as published, and a doubt about it."""
    labelled = round(int(text) / 1024, 1) if re.fullmatch(r"[0-9]{1,32}", text) and int(text) else None
    title = (label or "").removesuffix("-SHARED").partition("-MIG-")[0]
    whole = hardware.memory_of(title) if hardware else None
    return nvidia_memory(labelled, whole, mig, listed=hardware is not None)


def nvidia_memory(
    labelled: float | None, whole: float | None, mig: str, source: str = "the label", *, listed: bool = True
) -> tuple[float, Doubt]:
    """GiB per device by a label or another source, and a doubt.

    `whole` is published, `mig` the profile of a part, `listed` whether a table has the product.
    """
    if not mig:
        return labelled or whole or 0.0, memory_doubt(labelled, whole, source=source, listed=listed)
    nominal = MIG_GIB.fullmatch(mig)
    if labelled and nominal and not MIG_LOSS <= labelled / int(nominal[1]) <= 1:
        return labelled, f"implausible: {labelled:g} GiB per device on {source} of MIG profile {mig}"
    return labelled or 0.0, memory_doubt(labelled, None, source=source)
