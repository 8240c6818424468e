"""Reads what one device of a DRA driver is: AMD's gpu.amd.com and NVIDIA's gpu.nvidia.com.

Attributes and capacities are those of ROCm/k8s-gpu-dra-driver 1.0.1 (driver-attributes.md, deviceinfo.go) and of
NVIDIA/k8s-dra-driver-gpu 0.4 (cmd/gpu-kubelet-plugin/deviceinfo.go). AMD's `deviceID` is KFD's own id in one release
and that of PCI in another, so products are recognised by `productName`.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from aimlib.api.device_slice import Device
from aimlib.hardware.amd import by_marketing_name, parts_of
from aimlib.hardware.device_selectors import Value
from aimlib.hardware.nvidia import nvidia_memory
from aimlib.hardware.plausible import Doubt, memory_doubt, product_doubt
from aimlib.hardware.products import Product, Products
from aimlib.kube.quantity import InvalidQuantityError, to_gib

Vendor = Literal["amd", "nvidia"]
VENDORS: Mapping[str, Vendor] = {"gpu.amd.com": "amd", "gpu.nvidia.com": "nvidia"}
"""The vendor of the devices of each driver that is known."""
WHOLE_TYPES = frozenset({"amdgpu", "gpu"})
PART_TYPES = frozenset({"amdgpu-partition", "mig"})
PARTITION = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
"""A partition of an AMD GPU, or a MIG profile."""
SLICE_SOURCE = "the ResourceSlice"
ON_DEMAND = "the driver makes them on demand out of whole GPUs"
TAINTED = "tainted"
"""How the doubt about a device begins that its driver keeps from pods."""
UNNAMED = "no attribute productName says what they are"


class DeviceKind(NamedTuple):
    """What a device is; equal for devices that may stand for each other."""

    vendor: Vendor
    product: str
    hardware: Product | None = None
    architecture: str | None = None
    partition: str | None = None
    memory_gib: float = 0.0
    product_name: str | None = None
    device_type: str | None = None
    shareable: bool = False
    """Whether several claims may have parts of its memory."""
    shared_by_default: bool = False
    """Whether a claim that states nothing has a part of its memory."""
    time_sliced: bool = False
    """Whether several claims may have it, and none of them memory of its own."""
    memory_unknown: bool = False
    """Whether its driver does not say how much memory it has."""
    doubt: Doubt = ""
    """Why it is not counted; empty where it is."""

    @property
    def text(self) -> str:
        """The kind in words, by which kinds are told apart."""
        partition = f" {self.partition}" if self.partition else ""
        return f"{self.product}{partition} ({self.memory_gib:g} GiB)"


def selected_world(device: Device, driver: str) -> dict[str, Value]:
    """What selectors of DeviceClasses refer to."""
    attributes: dict[str, dict[str, Value]] = {driver: {}}
    for name, value in device.attributes.items():
        domain, slash, own = name.rpartition("/")
        found = (value.string, value.bool_value, value.int_value)
        attributes.setdefault(domain if slash else driver, {})[own] = next(
            (one for one in found if one is not None), None
        )
    return {
        "driver": driver,
        "allowMultipleAllocations": device.allow_multiple_allocations,
        "attributes": dict(attributes),
    }


def device_kind(device: Device, driver: str, table: Products) -> DeviceKind:
    """What a device of a known driver is; a doubt where it cannot be counted."""
    vendor = VENDORS[driver]
    name, kind = attribute_text(device, "productName"), attribute_text(device, "type")
    hardware = product_by_driver(name, vendor, table)
    if doubt := product_doubt(hardware, vendor):
        return DeviceKind(vendor, f"{vendor} GPU", doubt=doubt)
    product = hardware.name if hardware else (_label(name) or f"{vendor} GPU")
    known = DeviceKind(
        vendor, product, hardware, _architecture(device, hardware), None, 0.0, name or None, kind or None
    )
    if _is_made_on_demand(device):
        return known._replace(doubt=ON_DEMAND)
    partition = _partition(device, kind)
    if reason := _not_for_pods(device, kind, name, partition):
        return known._replace(doubt=reason)
    partition = "" if partition.startswith("spx") else partition
    memory, doubt = _memory(device, hardware, name, partition, vendor)
    sharing = _sharing(device)
    return known._replace(
        partition=partition or None,
        memory_gib=memory,
        memory_unknown=not doubt and not _stated_gib(device),
        shareable=sharing.shareable,
        shared_by_default=sharing.shared_by_default,
        time_sliced=sharing.time_sliced,
        doubt=doubt,
    )


def attribute_text(device: Device, name: str) -> str:
    """A text of an attribute; empty where a device has none."""
    found = device.attributes.get(name)
    return (found.string or "").strip() if found else ""


def _label(name: str) -> str:
    """A product's name as the vendors' labels have it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")


def product_by_driver(name: str, vendor: Vendor, table: Products) -> Product | None:
    """The product that the driver of a vendor calls so, such as `NVIDIA H100 80GB HBM3`; None for an unknown one."""
    if not name:
        return None
    found = by_marketing_name(name, table) if vendor == "amd" else table.by_nvidia_product(_label(name))
    return found or table.product(_label(name))


def _architecture(device: Device, hardware: Product | None) -> str | None:
    """The compilation target of the product, or by the compute capability: sm_90 for 9.0.0."""
    if hardware:
        return hardware.architecture
    capability = device.attributes.get("cudaComputeCapability")
    found = re.fullmatch(r"([0-9]{1,2})\.([0-9])(\.[0-9]+)?", (capability.version or "") if capability else "")
    return f"sm_{found[1]}{found[2]}" if found else None


def _partition(device: Device, kind: str) -> str:
    """The partition as the device plugins name it: cpx_nps4, 1g.10gb, 1g.10gb.me; empty for whole devices."""
    if kind not in PART_TYPES:
        return ""
    names = ("profile", "partitionProfile", "computePartition")
    stated = next(filter(None, (attribute_text(device, name) for name in names)), "")
    return stated.lower().replace("+", ".")


def _is_made_on_demand(device: Device) -> bool:
    """Whether AMD's driver makes a partition when it is claimed (ROCm/k8s-gpu-dra-driver, pull request 88).

    Its mode is in attributes by which no claim selects, and a taint comes and goes as other pods run on its GPU.
    """
    mode = attribute_text(device, "computePartition").lower()
    return mode not in {"", "spx"} and not attribute_text(device, "partitionProfile")


def _not_for_pods(device: Device, kind: str, name: str, partition: str) -> Doubt:
    """Why pods cannot use a device, whatever its memory."""
    if taints := sorted(one.key for one in device.taints if one.effect != "None"):
        return f"{TAINTED} {taints[0]} by the driver"
    if kind not in WHOLE_TYPES | PART_TYPES:
        return f"of type {kind}, not for containers" if kind else "no attribute type says what they are"
    if not name:
        return UNNAMED
    if kind in PART_TYPES and not PARTITION.fullmatch(partition):
        return "no attribute says which partition they are"
    return ""


def _memory(device: Device, hardware: Product | None, name: str, partition: str, vendor: Vendor) -> tuple[float, Doubt]:
    """GiB of a device, and a doubt; 0 stands for an amount that the driver could not read."""
    try:
        stated = _stated_gib(device)
    except InvalidQuantityError:
        return 0.0, "its memory is no quantity"
    whole = hardware.memory_of(_label(name)) if hardware else None
    parts = (parts_of(hardware, partition) if vendor == "amd" else None) if partition else 1
    usual = whole / parts if whole and parts else None
    if not stated and not usual:
        return 0.0, f"{SLICE_SOURCE} does not say how much memory a device has"
    if vendor == "nvidia":
        return nvidia_memory(stated or None, whole, partition, SLICE_SOURCE)
    doubt = memory_doubt(stated or None, usual, whole if partition and parts else None, source=SLICE_SOURCE)
    return min(filter(None, (stated, usual)), default=0.0), doubt


def _stated_gib(device: Device) -> float:
    """GiB by the driver, or 0; InvalidQuantityError for what is no quantity."""
    return round(to_gib(device.capacity["memory"].value), 1) if "memory" in device.capacity else 0.0


class _Sharing(NamedTuple):
    """How claims have a device together: by parts of its memory, or in turns."""

    shareable: bool = False
    shared_by_default: bool = False
    time_sliced: bool = False


def _sharing(device: Device) -> _Sharing:
    """By NVIDIA's driver (--consumable-shares): `memory` takes some by default, `unlimited` and a number take none.

    A number is a capacity `shares`, and that of AMD's partitions `partitions`, of which the whole GPU has one.
    """
    if not device.allow_multiple_allocations or "partitions" in device.capacity:
        return _Sharing()
    memory = device.capacity.get("memory")
    policy = memory.request_policy if memory else None
    try:
        whole = to_gib(memory.value) if memory else 0.0
        default = to_gib(policy.default) if policy and policy.default is not None else whole
    except InvalidQuantityError:
        return _Sharing(time_sliced=True)
    if "shares" in device.capacity or default <= 0:
        return _Sharing(time_sliced=True)
    return _Sharing(shareable=True, shared_by_default=default < whole)
