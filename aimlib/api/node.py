"""AIMNode and AIMInventory: what GPUs there are, one small object per Node and one for the cluster."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import Model, Name, Text
from aimlib.api.meta import K8sObject


class Taint(Model):
    """A taint that keeps pods away."""

    key: Name
    """Key of the taint."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """Value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
    """What it does."""

    def __str__(self) -> str:
        return f"{self.key}{f'={self.value}' if self.value else ''}:{self.effect}"


class Accelerator(Model):
    """GPUs of one kind, as a pod can ask for them."""

    product: Name
    """The product, such as MI300X, recognised by device id; CPU for a node's processors."""
    vendor: Literal["amd", "nvidia", "cpu"]
    """Who makes it."""
    architecture: Text | None = None
    """Compilation target, such as gfx942 or sm_90."""
    device_id: Annotated[str, Field(max_length=16)] | None = None
    """PCI device id, where the labels tell."""
    node_product: Annotated[str, Field(max_length=63)] | None = None
    """The node's label nvidia.com/gpu.product, by which pods find it."""
    partition: Annotated[str, Field(max_length=64)] | None = None
    """Compute and memory partition of an AMD GPU (cpx_nps4), or MIG profile (1g.10gb); left out for a whole GPU."""
    shared: bool = False
    """Time-sliced between pods, so that its memory is nobody's own."""
    memory_gib: Annotated[float, Field(ge=0, alias="memoryGiB")]
    """Memory of one device in GiB."""
    resource: Name
    """The extended resource that stands for it, such as amd.com/gpu; cpu for a node's processors."""


class NodePool(Accelerator):
    """The devices of one kind on one node."""

    devices: Annotated[int, Field(ge=0)]
    """How many of them are allocatable."""


class NodeSpec(Model):
    """What one Node can offer to a model server."""

    usable: bool
    """Whether new pods should be placed there."""
    reason: Text | None = None
    """Why not."""
    summary: Text
    """The hardware in words."""
    pools: tuple[NodePool, ...] = ()
    """Its devices by kind; its processors are the last."""
    taints: tuple[Taint, ...] = ()
    """Its taints."""


class AIMNode(K8sObject):
    """What one Node can offer to a model server; kept by the operator."""

    spec: NodeSpec


class GpuClass(Accelerator):
    """Equal devices on equally tainted nodes."""

    devices_per_node: Annotated[int, Field(ge=0)]
    """The most that one node has; the limit of a single replica."""
    nodes: Annotated[int, Field(ge=0)]
    """How many nodes have some."""
    total: Annotated[int, Field(ge=0)]
    """Devices on all nodes together."""
    precisions: tuple[Annotated[str, Field(max_length=16)], ...] = ()
    """The formats of weights that they serve, by arithmetic or by expanding them."""
    taints: tuple[Taint, ...] = ()
    """Taints of those nodes."""


class InventoryStatus(Model):
    """The hardware of the cluster. It changes when the hardware does, and for no other reason."""

    observed_generation: int | None = None
    """The generation that this status was computed from."""
    nodes: int = 0
    """Nodes that can be used."""
    gpus: int = 0
    """GPU devices on them."""
    summary: Text | None = None
    """The GPUs in words."""
    classes: tuple[GpuClass, ...] = ()
    """Devices by kind."""


class InventorySpec(Model):
    """Nothing to set: the inventory is observed."""


class AIMInventory(K8sObject):
    """The GPUs of the cluster; one object, named cluster, kept by the operator."""

    spec: InventorySpec = InventorySpec()
    status: InventoryStatus = InventoryStatus()
