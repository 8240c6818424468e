"""GPU products with their published facts, by name, PCI device id, or the label of NVIDIA or GKE."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from aimlib.api.base import Model
from aimlib.data import load_data

CPU = "CPU"
"""Name of the product for a node's processors."""


class Product(Model):
    """A product as pods see it: on a module with two dies, one die. Sources are in the data file."""

    model_config = ConfigDict(extra="forbid")

    name: str
    aliases: tuple[str, ...] = ()
    vendor: Literal["amd", "nvidia", "cpu"]
    architecture: str | None = None
    """Compilation target, gfx942 or sm_90; none for processors."""
    device_ids: tuple[Annotated[str, Field(pattern="^[0-9a-f]{4}$")], ...] = ()
    labels: tuple[str, ...] = ()
    """Regular expressions for a whole nvidia.com/gpu.product value."""
    gke_names: tuple[str, ...] = ()
    """Values of GKE's label cloud.google.com/gke-accelerator."""
    memory_gib: Annotated[float | None, Field(gt=0, alias="memoryGiB")] = None
    """Memory of one device in GiB; none where it is the node's own."""
    memory_by_label: Mapping[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Memory of one device in GiB where it is another, by regular expressions for the label."""
    bandwidth_tbs: Annotated[float | None, Field(gt=0, alias="bandwidthTBs")] = None
    """Memory bandwidth of one device in TB/s."""
    link_gbs: Annotated[float | None, Field(gt=0, alias="linkGBs")] = None
    """Bandwidth from one device to the others of its node, in GB/s per direction."""
    precisions: tuple[str, ...]
    """Formats that it computes in natively."""
    weight_only: tuple[str, ...] = ()
    """Formats of weights that the engine expands to 16 bit."""
    tflops: Mapping[str, float] = Field(default_factory=dict)
    """Dense peak of one device by format, in TFLOP/s."""
    reached_tflops: Mapping[str, float] = Field(default_factory=dict)
    """What large matrix products were measured to reach, by format, in TFLOP/s."""
    devices_per_node: Annotated[int, Field(ge=1)]
    """Devices on a usual node."""
    most_per_node: Annotated[int | None, Field(ge=1)] = None
    """Devices on the largest node that is sold, where that is another."""
    partitions: Mapping[str, int] = Field(default_factory=lambda: {"spx": 1})
    """Compute partition modes, and the number of devices into which each divides a device."""
    source: Annotated[tuple[str, ...], Field(min_length=1)]
    """Keys of the data file's `sources`."""

    @property
    def limit_per_node(self) -> int:
        """The largest plausible number of whole devices on one node."""
        return self.most_per_node or self.devices_per_node

    def memory_of(self, label: str | None) -> float | None:
        """Memory of one whole device in GiB, by the node's label of the product."""
        found = (gib for form, gib in self.memory_by_label.items() if re.fullmatch(form, label or ""))
        return next(found, self.memory_gib)

    @property
    def served(self) -> tuple[str, ...]:
        """The formats of weights that an engine can run, natively or by expansion."""
        return (*self.precisions, *self.weight_only)

    def serves(self, precision: str) -> bool:
        """Whether an engine can run weights of this format."""
        return precision in self.served


@cache
def products() -> tuple[Product, ...]:
    """All products, in the order of the data file."""
    return tuple(Product.model_validate(product) for product in load_data("hardware")["products"])


@cache
def _by_name() -> dict[str, Product]:
    return {name.casefold(): product for product in products() for name in (product.name, *product.aliases)}


@cache
def _by_device_id() -> dict[str, Product]:
    return {device: product for product in products() for device in product.device_ids}


def product(name: str) -> Product | None:
    """The product of that name or alias, in any case."""
    return _by_name().get(name.strip().casefold())


def by_device_id(device_id: str) -> Product | None:
    """The product with that PCI device id, such as `74a1`, in any case and with or without 0x."""
    return _by_device_id().get(device_id.strip().lower().removeprefix("0x"))


def by_nvidia_product(label: str) -> Product | None:
    """The product of a value of the label nvidia.com/gpu.product without the suffix -SHARED or -MIG-…."""
    return next((found for found in products() if any(re.fullmatch(form, label) for form in found.labels)), None)


def by_gke_name(label: str) -> Product | None:
    """The product of a value of GKE's label cloud.google.com/gke-accelerator."""
    return next((found for found in products() if label in found.gke_names), None)
