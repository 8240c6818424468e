"""AIMNode and AIMInventory: the available GPUs, one small object per Node and one for the cluster."""

from typing import Annotated, Literal

from pydantic import Field

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
    """The resource by which pods request a device, such as amd.com/gpu; cpu for a node's processors."""


class NodePool(Accelerator):
    """The devices of one kind on one node."""

    devices: Annotated[int, Field(ge=0)]
    """Number of allocatable devices."""
    node_label: Text | None = None
    """The label by which an AMD product was recognised: KEY=VALUE, or KEY for one with a number."""


class NodeSpec(Model):
    """The devices of one Node that a model server can use."""

    usable: bool
    """Whether new pods can be scheduled to the node."""
    reason: Text | None = None
    """Why the node is not usable."""
    summary: Text
    """The hardware in short, for people."""
    pools: tuple[NodePool, ...] = ()
    """Devices by kind; the processors are last."""
    taints: tuple[Taint, ...] = ()
    """Taints of the node."""


class AIMNode(K8sObject):
    """The devices of one Node that a model server can use; written by the operator."""

    spec: NodeSpec


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
    node_labels: tuple[Text, ...] = ()
    """The labels by which the product was recognised on these nodes."""


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


class InventorySpec(Model):
    """Has no fields: the inventory is observed."""


class AIMInventory(K8sObject):
    """The GPUs of the cluster; one object, named cluster, written by the operator."""

    spec: InventorySpec = InventorySpec()
    status: InventoryStatus = InventoryStatus()
