"""The selected configuration: everything that is needed to build an endpoint's children without selecting again."""

from math import ceil
from typing import Annotated, Self

from pydantic import Field, model_validator

from aimlib.api.accelerators import DeviceClaim
from aimlib.api.adapter import MOST_ADAPTERS, Adapter
from aimlib.api.base import FilledText, GpuCount, Model, ModelId, Name, StoredQuantity, Text
from aimlib.api.draft import DraftModel
from aimlib.api.recipe import Backend, EnvVar
from aimlib.api.source import ACCESS_RULES, SourceAccess, SourceText


class ResolvedResources(Model):
    """Requests and limits of the engine's container."""

    requests: dict[str, StoredQuantity] = Field(default_factory=dict)
    """Resources that the scheduler reserves."""
    limits: dict[str, StoredQuantity] = Field(default_factory=dict)
    """Resources that the container may use at most."""


class Resolved(Model):
    """The selected configuration: everything that is needed to build the children without selecting again."""

    decided_for: FilledText
    """Digest of the fields of the spec that it was selected for."""
    recipe: Name
    """Name of the recipe."""
    model_id: ModelId
    """Id of the model that is served."""
    checkpoint: ModelId
    """The repository whose files are loaded."""
    draft: DraftModel | None = None
    """The second model, which drafts tokens."""
    backend: Backend
    """The engine."""
    precision: FilledText
    """The format of the weights."""
    gpu_count: GpuCount
    """GPUs per replica."""
    nodes: Annotated[int, Field(ge=2, le=64)] | None = None
    """Nodes that a replica is on, where it is on more than one."""
    image: Text = ""
    """The engine's image; absent where none is published for the hardware, and the endpoint states its own."""
    product: Name
    """The GPU product, or CPU."""
    vendor: FilledText
    """amd, nvidia or cpu."""
    resource: Name | None = None
    """The extended resource that pods request, such as amd.com/gpu; absent on CPUs, and with a deviceClaim."""
    device_claim: DeviceClaim | None = None
    """What the ResourceClaims of the pods ask for, where they get their GPUs so."""
    time_sliced: bool | None = None
    """Whether the pods share each GPU with others by time-slicing."""
    partition: Text | None = None
    """The partition mode of the GPUs, if they are partitioned."""
    device_ids: tuple[Text, ...] = ()
    """PCI device ids by which nodes are matched."""
    node_products: tuple[Text, ...] = ()
    """Values of the label nvidia.com/gpu.product by which nodes are matched."""
    tolerations: tuple[Name, ...] = ()
    """Keys of the taints that pods tolerate."""
    args: tuple[str, ...] = ()
    """Arguments for the engine: the recipe's, with those of spec.engine."""
    env: tuple[EnvVar, ...] = ()
    """Environment variables: the recipe's, with those of spec.engine."""
    resources: ResolvedResources = ResolvedResources()
    """CPU and memory per replica, or on each of its nodes."""
    cache_size: StoredQuantity | None = None
    """Size of a PersistentVolumeClaim for the checkpoint, and for that of the draft."""
    node_labels: tuple[Text, ...] = ()
    """Labels by which the nodes of the selected GPUs were recognised: KEY=VALUE, or KEY for one with a number."""
    may_come: bool | None = None
    """Whether no node of these was there when they were selected; nodeLabels are then those that one will have."""
    template_version: Annotated[int, Field(ge=1)] | None = None
    """Version of the pods' template; 1 when left out."""
    source: SourceText | None = None
    """Where the files are by an AIMModel, if not in a repository of a hub."""
    access: SourceAccess | None = None
    """How the server of that source is reached."""
    adapters: Annotated[tuple[Adapter, ...], Field(max_length=MOST_ADAPTERS)] | None = None
    """The adapters that the engine is started with, if there are any."""
    derived_from: Text | None = None
    """What it is derived from, where no recipe has it: a recipe for other GPUs, an AIMModel, or the
    model's files."""

    @model_validator(mode="after")
    def _access_goes_with_the_source(self) -> Self:
        if self.source is None and self.access is None:
            return self
        stated = self.model_dump(by_alias=True, exclude_none=True, include={"source", "access"})
        if broken := [rule.message for rule in ACCESS_RULES if rule.broken(stated)]:
            raise ValueError("; ".join(broken))
        return self

    @property
    def gpus_per_node(self) -> int:
        """GPUs of one pod."""
        return ceil(self.gpu_count / (self.nodes or 1))

    @property
    def repositories(self) -> tuple[str, ...]:
        """The checkpoint that is loaded, and that of the model that drafts."""
        return (self.checkpoint, *((self.draft.repository,) if self.draft else ()))

    @property
    def loaded_files(self) -> tuple[object, ...]:
        """What its cache depends on: which checkpoints are loaded, and the spec that they were selected for."""
        return self.decided_for, self.checkpoint, self.draft

    def differs_from(self, other: "Resolved") -> bool:
        """Whether another configuration is more than the same one on nodes with other labels."""
        return self != other and self._on_nodes_of(other) != other

    def with_template_of(self, other: "Resolved") -> "Resolved":
        """This configuration with the pod template of another, which it is compared with."""
        return self._on_nodes_of(other).model_copy(update={"template_version": other.template_version})

    def _on_nodes_of(self, other: "Resolved") -> "Resolved":
        """This configuration on the nodes of another. Those that came have labels that nobody knew before."""
        came = self.may_come or other.may_come
        placed = ("node_labels", *(("may_come", "node_products") if came else ()))
        return self.model_copy(update={name: getattr(other, name) for name in placed})
