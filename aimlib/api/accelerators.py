"""How pods get their GPUs: by a resource of their node or by a ResourceClaim, whole or a share of one."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from aimlib.api import formats
from aimlib.api.base import FieldRule, Model, ObjectName, Quantity, Ruled, StoredQuantity
from aimlib.kube.quantity import parse_quantity

Attribute = Annotated[str, formats.DEVICE_ATTRIBUTE.field]
"""A text of a device's attributes, which becomes a part of an expression."""
ParentAttribute = Literal["gpu.amd.com/parentPciAddr", "resource.kubernetes.io/pciBusID"]
"""An attribute that partitions of one GPU have in common: AMD's driver up to 1.0.1 has the first, later ones the second
(ROCm/k8s-gpu-dra-driver, pkg/kubeletplugin/deviceinfo.go)."""

# Sources: AMD's driver 1.0.1 (pkg/kubeletplugin/discovery.go), NVIDIA's 0.4 (cmd/gpu-kubelet-plugin/deviceinfo.go).
PARTITION_ATTRIBUTES = {"gpu.amd.com": "partitionProfile", "gpu.nvidia.com": "profile"}
"""The attribute that tells partitions of different kinds apart, by driver."""
PARENT_ATTRIBUTES: Mapping[str, tuple[ParentAttribute, ...]] = {
    "gpu.amd.com": ("gpu.amd.com/parentPciAddr", "resource.kubernetes.io/pciBusID")
}
"""The attributes that partitions of one GPU may have in common, by driver, the best first."""


class Accelerators(Ruled):
    """How the pods get their GPUs."""

    rules = (
        FieldRule(
            "!has(self.gpuShare) || !has(self.allocation) || self.allocation != 'DevicePlugin'",
            "a share of a GPU is given out by a ResourceClaim: leave out allocation: DevicePlugin, or gpuShare",
            lambda raw: "gpuShare" not in raw or raw.get("allocation") != "DevicePlugin",
        ),
        FieldRule(
            "!has(self.gpuShare) || quantity(self.gpuShare).compareTo(quantity('1Gi')) >= 0",
            "gpuShare must be at least 1Gi, such as 40Gi",
            lambda raw: "gpuShare" not in raw or parse_quantity(raw["gpuShare"]) >= parse_quantity("1Gi"),
        ),
    )

    allocation: Literal["Auto", "DevicePlugin", "DRA"] = "Auto"
    """By what pods ask for GPUs. DevicePlugin is a resource such as amd.com/gpu, of a device plugin or of a DeviceClass
    with an extendedResourceName. DRA is a ResourceClaim (dynamic resource allocation). Auto, the default, takes the
    resource wherever there is one, and a ResourceClaim for what only that can ask for: a share, several partitions of
    one GPU, and devices that are given out by claims alone."""
    gpu_share: Quantity | None = None
    """Memory that each replica gets of one GPU that it shares with other pods, at least 1Gi, such as 40Gi. Only where
    the driver gives out parts of a device's memory (NVIDIA); AMD's GPUs have partitions instead. The engine is started
    with so much memory and no more."""
    allow_time_sliced: bool = False
    """Whether time-sliced GPUs are candidates, too. Their memory is not isolated: the pods on one take it from each
    other."""


class DeviceClaim(Model):
    """What the ResourceClaims of the pods ask for."""

    device_class: ObjectName
    """The DeviceClass."""
    driver: Literal["gpu.amd.com", "gpu.nvidia.com"]
    """The driver whose devices they are."""
    product_name: Attribute | None = None
    """Value of the devices' attribute productName."""
    device_type: Attribute | None = None
    """Value of the devices' attribute type."""
    partition: Attribute | None = None
    """Compute and memory partition, or MIG profile, of the devices."""
    least_memory: StoredQuantity | None = None
    """Memory that a device has at least; left out where the driver does not say how much it has."""
    share: StoredQuantity | None = None
    """Memory of the device that a pod gets, where its driver gives out parts: all of it where no share is requested."""
    one_gpu: bool | None = Field(default=None, alias="oneGPU")
    """Whether all devices are partitions of one and the same GPU."""
    parent_attribute: ParentAttribute | None = None
    """The attribute in which partitions of one and the same GPU are equal."""
