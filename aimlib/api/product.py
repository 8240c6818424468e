"""A GPU product with its published facts, as the built-in table and the operator's settings describe it."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from aimlib.api.base import Model
from aimlib.api.precision import Precision

CPU = "CPU"
"""Name of the product for a node's processors."""
MOST_UNKNOWN = 1024
"""Devices on one node, of a product of which nobody says how many there may be."""


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


LabelPattern = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_pattern)]
"""A regular expression for a whole label value."""
Positive = Annotated[float, Field(gt=0)]


class Product(Model):
    """A product as pods see it: on a module with two dies, one die. Sources are in the data file."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    aliases: tuple[str, ...] = ()
    vendor: Literal["amd", "nvidia", "cpu"]
    architecture: Annotated[str, Field(pattern=r"^(gfx[0-9a-f]{3,4}|sm_[0-9]{2,3})$")] | None = None
    """Compilation target, gfx942 or sm_90; none for processors."""
    device_ids: tuple[Annotated[str, Field(pattern="^[0-9a-f]{4}$")], ...] = ()
    labels: tuple[LabelPattern, ...] = ()
    """Regular expressions for a whole value of nvidia.com/gpu.product, or of amd.com/gpu.product-name."""
    gke_names: tuple[str, ...] = ()
    """Values of GKE's label cloud.google.com/gke-accelerator."""
    memory_gib: Annotated[float | None, Field(gt=0, alias="memoryGiB")] = None
    """Memory of one device in GiB; none where it is the node's own."""
    memory_by_label: Mapping[LabelPattern, Positive] = Field(default_factory=dict)
    """Memory of one device in GiB where it is another, by regular expressions for the label."""
    bandwidth_tbs: Annotated[float | None, Field(gt=0, alias="bandwidthTBs")] = None
    """Memory bandwidth of one device in TB/s."""
    link_gbs: Annotated[float | None, Field(gt=0, alias="linkGBs")] = None
    """Bandwidth from one device to the others of its node, in GB/s per direction."""
    precisions: tuple[Precision, ...] = ()
    """Formats that it computes in natively; those of its architecture where none is stated."""
    weight_only: tuple[Precision, ...] = ()
    """Formats of weights that the engine expands to 16 bit; those of its architecture where no precision is stated."""
    tflops: Mapping[Precision, Positive] = Field(default_factory=dict)
    """Dense peak of one device by format, in TFLOP/s."""
    reached_tflops: Mapping[Precision, Positive] = Field(default_factory=dict)
    """What large matrix products were measured to reach, by format, in TFLOP/s."""
    devices_per_node: Annotated[int, Field(ge=1)] = 8
    """Devices on a usual node."""
    most_per_node: Annotated[int | None, Field(ge=1)] = None
    """Devices on the largest node that is sold, where that is another."""
    partitions: Mapping[str, Annotated[int, Field(ge=1)]] = Field(default_factory=lambda: {"spx": 1})
    """Compute partition modes, and the number of devices into which each divides a device."""
    source: tuple[str, ...] = ()
    """Keys of the data file's `sources`."""

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def limit_per_node(self) -> int:
        """The largest plausible number of whole devices on one node."""
        stated = self.devices_per_node if "devices_per_node" in self.model_fields_set else MOST_UNKNOWN
        return self.most_per_node or stated

    def memory_of(self, label: str | None) -> float | None:
        """Memory of one whole device in GiB, by the node's label of the product."""
        found = (gib for form, gib in self.memory_by_label.items() if re.fullmatch(form, label or ""))
        return next(found, self.memory_gib)

    def has_label(self, label: str) -> bool:
        """Whether a value of the vendor's label is one of this product's."""
        return any(re.fullmatch(form, label) for form in self.labels)

    @property
    def served(self) -> tuple[str, ...]:
        """The formats of weights that an engine can run, natively or by expansion; none where that is not known."""
        return (*self.precisions, *self.weight_only)

    def serves(self, precision: str) -> bool:
        """Whether an engine can run weights of this format, as far as that is known."""
        return precision in self.served or not self.served
