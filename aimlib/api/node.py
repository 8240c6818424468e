"""AIMNode and AIMInventory: the available GPUs, one small object per Node and one for the cluster."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.accelerators import ParentAttribute
from aimlib.api.base import Model, Name, Text
from aimlib.api.meta import K8sObject


class Taint(Model):
    """A taint of a node, which keeps away pods that do not tolerate it."""

    key: Name
    """Key of the taint."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """Value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
    """Effect of the taint: NoSchedule, PreferNoSchedule or NoExecute."""

    def __str__(self) -> str:
        return f"{self.key}{f'={self.value}' if self.value else ''}:{self.effect}"


class DynamicDevices(Model):
    """How devices are claimed that a driver gives out by dynamic resource allocation (DRA)."""

    driver: Name
    """The driver of the devices, such as gpu.amd.com."""
    device_class: Name
    """The DeviceClass by which a claim asks for them, such as gpu.amd.com."""
    extended_resource: Name | None = None
    """The resource by which pods get them without a claim, where a DeviceClass names one, such as amd.com/gpu."""
    product_name: Annotated[str, Field(max_length=64)] | None = None
    """Value of the devices' attribute productName, by which claims select them."""
    device_type: Annotated[str, Field(max_length=64)] | None = None
    """Value of the devices' attribute type, such as amdgpu, amdgpu-partition, gpu or mig."""
    shareable: bool = False
    """Whether several claims may have parts of one device's memory (allowMultipleAllocations)."""
    parent_attribute: ParentAttribute | None = None
    """The attribute in which partitions of one GPU are equal, where all of these devices have it."""
    memory_unknown: bool | None = None
    """Whether the driver does not say how much memory they have, so that memoryGiB is published and no claim asks."""


class Accelerator(Model):
    """GPUs of one kind, as a pod can request them."""

    product: Name
    """The GPU product, such as MI300X, recognised by its device id; CPU for a node's processors."""
    vendor: Literal["amd", "nvidia", "cpu"]
    """Vendor of the product: amd, nvidia or cpu."""
    architecture: Text | None = None
    """Compilation target, such as gfx942 or sm_90."""
    device_id: Annotated[str, Field(max_length=16)] | None = None
    """PCI device id, if the node's labels have it."""
    node_product: Annotated[str, Field(max_length=63)] | None = None
    """Value of the node's label nvidia.com/gpu.product, by which pods select the node."""
    partition: Annotated[str, Field(max_length=64)] | None = None
    """Compute and memory partition of an AMD GPU (cpx_nps4), or MIG profile (1g.10gb); left out for a whole GPU."""
    shared: bool = False
    """Whether pods share a device by time-slicing, so that none has its memory for itself."""
    memory_gib: Annotated[float, Field(ge=0, alias="memoryGiB")]
    """Memory per device, in GiB."""
    resource: Name
    """The resource by which pods request a device, such as amd.com/gpu; cpu for a node's processors. The DeviceClass
    where devices are given out by claims alone."""
    dynamic: DynamicDevices | None = None
    """How they are claimed, where a driver gives them out by dynamic resource allocation."""


class NodePool(Accelerator):
    """The devices of one kind on one node."""

    devices: Annotated[int, Field(ge=0)]
    """Number of allocatable devices."""
    node_label: Text | None = None
    """The label by which an AMD product was recognised: KEY=VALUE, or KEY for one with a number."""


class Host(Model):
    """What a node has besides GPUs, as far as pods can be given it."""

    cpus: Annotated[float, Field(ge=0)]
    """Allocatable CPUs, rounded down to hundredths."""
    memory_gib: Annotated[float, Field(ge=0, alias="memoryGiB")]
    """Allocatable memory in GiB, rounded down to hundredths."""
    ephemeral_storage_gib: Annotated[float | None, Field(ge=0, alias="ephemeralStorageGiB")] = None
    """Allocatable ephemeral storage in whole GiB, if the node reports it."""
    architecture: Annotated[str, Field(max_length=63)] | None = None
    """Architecture of the processors, such as amd64 or arm64, if the node reports it."""


class LabelledDevices(Model):
    """What the vendor's labels say of devices that a node has and that are not allocatable there."""

    partition: Annotated[str, Field(max_length=64)] | None = None
    """Compute and memory partition, or MIG profile; left out for whole GPUs."""
    node_label: Text | None = None
    """The label by which an AMD product was recognised: KEY=VALUE, or KEY for one with a number."""
    node_product: Annotated[str, Field(max_length=63)] | None = None
    """Value of the label by which pods select NVIDIA's."""


class LeftOut(Model):
    """Devices of a usable node that are not counted."""

    product: Name | None = None
    """The GPU product, if the labels have it."""
    resource: Name
    """The resource by which pods would request the devices."""
    devices: Annotated[int, Field(ge=0)]
    """Number of devices; 0 where it is not known."""
    reason: Text
    """Why they are not counted."""
    labelled: LabelledDevices | None = None
    """What the labels say of them, where nothing of them is allocatable: a DRA driver may give them out."""


GpuForm = Literal["Whole", "Part", "OnDemand"]
"""Whether devices are whole GPUs, parts of one that are there for good, or parts that the driver makes when claimed."""


class DevicesOfGpu(Model):
    """Equal devices of a slice that are one GPU, or parts of one, where the driver tells which."""

    form: GpuForm
    """Whole is the GPU, Part what it is divided into for good, OnDemand what the driver makes when it is claimed."""
    gpu: Annotated[str, Field(max_length=64)] = ""
    """UUID or PCI address of the GPU."""
    counters: Annotated[tuple[Text, ...], Field(max_length=32)] = ()
    """Sets of counters, as POOL/SET, that the devices consume."""
    kind: Annotated[int, Field(ge=0)] | None = None
    """Which of the pools they count in; absent where they do not count."""
    devices: Annotated[int, Field(ge=1)]
    """Number of them."""
    parts: Annotated[tuple[Text, ...], Field(max_length=128)] = ()
    """Which parts of the GPU they are, each by its UUID or its name; empty where the driver does not tell."""


class DeviceSlice(Model):
    """The ResourceSlice that the facts are from: it has devices of a node that a DRA driver gives out."""

    node: Name
    """The node."""
    driver: Name
    """The driver."""
    pool: Annotated[str, Field(min_length=1, max_length=253)]
    """The pool of devices that it is a part of."""
    generation: Annotated[int, Field(ge=0)]
    """Generation of the pool; slices of earlier ones do not count."""
    slices: Annotated[int, Field(ge=1)]
    """Number of slices of the pool; without all of them it is not believed."""
    devices: Annotated[int, Field(ge=0)] = 0
    """Number of devices in this one."""
    gives: dict[Name, tuple[Text, ...]] = Field(default_factory=dict)
    """Kinds of devices that pods may get by each extended resource."""
    gpus: Annotated[tuple[DevicesOfGpu, ...], Field(max_length=1024)] = ()
    """Which devices are of the same GPU, since another slice may have it, too."""


class NodeSpec(Model):
    """The devices of one Node that a model server can use, or those of one ResourceSlice."""

    usable: bool
    """Whether new pods can be scheduled to the node."""
    reason: Text | None = None
    """Why the node is not usable."""
    summary: Text
    """The hardware in short, for people."""
    pools: tuple[NodePool, ...] = ()
    """Devices by kind; the processors are last."""
    left_out: tuple[LeftOut, ...] = ()
    """Devices that are not counted, and why."""
    host: Host | None = None
    """CPUs, memory, storage and architecture; absent where an earlier release wrote this."""
    taints: tuple[Taint, ...] = ()
    """Taints of the node."""
    labels: tuple[Text, ...] = ()
    """Labels that nodeSelector may ask for (inventoryLabels of the settings): KEY=VALUE, or !KEY where it has none."""
    slice: DeviceSlice | None = None
    """The ResourceSlice that these facts are from; absent where they are from the Node."""


class AIMNode(K8sObject):
    """The devices of one Node that a model server can use, or those of one ResourceSlice; written by the operator."""

    spec: NodeSpec


class NodeShape(Model):
    """What one node of a class has together, as far as it is known: absent values are not checked."""

    devices: Annotated[int, Field(ge=0)]
    """Devices of the class on this node."""
    cpus: Annotated[float, Field(ge=0)] | None = None
    """Allocatable CPUs."""
    memory_gib: Annotated[float | None, Field(ge=0, alias="memoryGiB")] = None
    """Allocatable memory of the host, in GiB."""
    ephemeral_storage_gib: Annotated[float | None, Field(ge=0, alias="ephemeralStorageGiB")] = None
    """Allocatable ephemeral storage, in GiB."""
    architecture: Annotated[str, Field(max_length=63)] | None = None
    """Architecture of the processors, such as amd64 or arm64."""


class GpuClass(Accelerator):
    """Equal devices on equally tainted nodes."""

    devices_per_node: Annotated[int, Field(ge=0)]
    """Most devices on one node, which is the limit for one replica."""
    nodes: Annotated[int, Field(ge=0)]
    """Number of nodes with such devices."""
    total: Annotated[int, Field(ge=0)]
    """Number of devices on all nodes together."""
    precisions: tuple[Annotated[str, Field(max_length=16)], ...] = ()
    """Formats of weights that the devices support, natively or by expansion to 16 bit."""
    taints: tuple[Taint, ...] = ()
    """Taints of these nodes."""
    labels: tuple[Text, ...] = ()
    """Labels of these nodes that nodeSelector may ask for: KEY=VALUE, or !KEY where they have none."""
    node_labels: tuple[Text, ...] = ()
    """The labels by which the product was recognised on these nodes, or by which nodes that may come are found."""
    shapes: tuple[NodeShape, ...] = ()
    """The largest of these nodes: each has more of something than any other. Absent before they are known."""
    may_come: bool | None = None
    """Whether no node of these is there, and one may come: a pool at zero nodes, of hardwareMayCome of the settings."""


class LeftOutNodes(Model):
    """Devices that are not counted for one reason."""

    product: Name | None = None
    """The GPU product, if it is known; CPU for nodes without GPUs."""
    resource: Name
    """The resource by which pods would request the devices."""
    devices: Annotated[int, Field(ge=0)]
    """Number of devices, as far as it is known."""
    nodes: Annotated[int, Field(ge=1)]
    """Number of nodes that have them."""
    reason: Text
    """Why they are not counted."""
    names: tuple[Name, ...] = ()
    """Names of the nodes, up to three."""


class InventoryStatus(Model):
    """The hardware of the cluster. It changes only when the hardware changes."""

    observed_generation: int | None = None
    """The generation that this status was computed from."""
    nodes: int = 0
    """Number of usable nodes."""
    gpus: int = 0
    """Number of GPU devices on these nodes."""
    summary: Text | None = None
    """The GPUs in short, for people."""
    classes: tuple[GpuClass, ...] = ()
    """Classes of equal devices on equally tainted nodes."""
    left_out: tuple[LeftOutNodes, ...] = ()
    """Devices and nodes that are not counted, and why; up to 32 reasons."""


class InventorySpec(Model):
    """Has no fields: the inventory is observed."""


class AIMInventory(K8sObject):
    """The GPUs of the cluster; one object, named cluster, written by the operator."""

    spec: InventorySpec = InventorySpec()
    status: InventoryStatus = InventoryStatus()
