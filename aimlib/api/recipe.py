"""AIMRecipe: configurations that serve one model on one GPU product, in one precision, with one engine."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from aimlib.api.base import FieldRule, GpuCount, Model, ModelId, Name, Quantity, Ruled, Text
from aimlib.api.draft import RecipeDraft
from aimlib.api.meta import Conditions, K8sObject
from aimlib.api.model_facts import FACTS_RULES, ModelFacts
from aimlib.api.precision import Precision

Backend = Literal["vllm", "sglang"]
"""The engine."""


class KeySelector(Model):
    """One key of a Secret or ConfigMap in the endpoint's namespace."""

    name: Name
    """Name of the Secret or ConfigMap."""
    key: Name
    """Key in the object."""
    optional: bool | None = None
    """Whether the container starts without the value when the object or key is missing."""


class FieldSelector(Model):
    """A field of the pod."""

    field_path: Text
    """Path of the field, such as metadata.name."""
    api_version: Text | None = None
    """API version of the path."""


class ResourceFieldSelector(Model):
    """A resource of a container."""

    resource: Text
    """Name of the resource, such as limits.cpu."""
    container_name: Text | None = None
    """Name of the container; the engine's when left out."""
    divisor: Quantity | None = None
    """Unit of the value."""


class EnvSource(Model):
    """The source of a value; the operator never reads the value."""

    secret_key_ref: KeySelector | None = None
    """A key of a Secret."""
    config_map_key_ref: KeySelector | None = None
    """A key of a ConfigMap."""
    field_ref: FieldSelector | None = None
    """A field of the pod."""
    resource_field_ref: ResourceFieldSelector | None = None
    """A resource of a container."""


class EnvVar(Model):
    """One environment variable of the engine."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the variable."""
    value: Annotated[str, Field(max_length=4096)] | None = None
    """Value of the variable."""
    value_from: EnvSource | None = None
    """Source of the value, instead of value."""


class ComputeResources(Model):
    """Requests and limits of the engine's container."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] = Field(default_factory=dict)
    """Resources that the scheduler reserves. The operator sets the GPU resource."""
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] = Field(default_factory=dict)
    """Resources that the container may use at most."""


class Measurement(Model):
    """Published measurements of a configuration."""

    tokens_per_second: Annotated[float, Field(ge=0)] | None = None
    """Tokens per second of the whole configuration, under the stated workload."""
    latency_ms: Annotated[float, Field(ge=0)] | None = None
    """Mean time per output token of one request, in milliseconds."""
    workload: Annotated[str, Field(min_length=1, max_length=256)]
    """What was measured, in words: lengths, concurrency, what is counted."""
    input_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """Tokens of a prompt, in the mean. Without this, outputTokens and concurrency the figures correct no prediction."""
    output_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """Tokens of an answer, in the mean."""
    concurrency: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Requests at once."""
    counts_input: bool = False
    """Whether tokensPerSecond counts the tokens of the prompts, too."""
    command: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """What was measured with other arguments or variables than this configuration has; a figure of another command
    counts for similar configurations, and for this one no more than for those."""
    source: Annotated[str, Field(min_length=1, max_length=512)]
    """Who measured, and where the result is published."""


class Configuration(Model):
    """One way to run the recipe's model, on a number of GPUs."""

    gpu_count: GpuCount
    """GPUs per replica; 0 is a CPU configuration."""
    nodes: Annotated[int, Field(ge=1, le=64)] = 1
    """Nodes that a replica is on, with as many of its GPUs on each. More than one needs the component multi-node."""
    enabled: bool = True
    """Whether it may be selected."""
    args: Annotated[tuple[Annotated[str, Field(max_length=2048)], ...], Field(max_length=64)] = ()
    """Command-line arguments of the engine. The operator sets model, host and port."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=64)] = ()
    """Environment variables of the engine."""
    resources: ComputeResources = ComputeResources()
    """CPU and memory per replica, or on each of its nodes; and devices of other kinds, such as rdma/hca."""
    measurements: Annotated[tuple[Measurement, ...], Field(max_length=8)] = ()
    """Published measurements of this configuration."""


class RecipeImage(Model):
    """The engine's image, instead of the operator's default."""

    repository: Text
    """Repository of the image, without a tag."""
    tag: Annotated[str, Field(max_length=128)]
    """Tag of the image."""


class RecipePerformance(Model):
    """Expected performance, in the form of the earlier API; shown, and not used for ranking."""

    expected_tokens_per_second: Annotated[int, Field(ge=0)] | None = None
    """Expected tokens per second."""
    expected_latency_ms: Annotated[int, Field(ge=0)] | None = None
    """Expected latency in milliseconds."""
    max_batch_size: Annotated[int, Field(ge=0)] | None = None
    """Largest batch, in requests."""


def _different(spec: Mapping[str, Any]) -> bool:
    entries = [entry for entry in spec.get("configurations") or () if isinstance(entry, Mapping)]
    return len({entry.get("gpuCount") for entry in entries}) == len(entries)


def _even(spec: Mapping[str, Any]) -> bool:
    entries = [entry for entry in spec.get("configurations") or () if isinstance(entry, Mapping)]
    pairs = [(entry["gpuCount"], entry.get("nodes", 1)) for entry in entries]
    return all(nodes == 1 or (count >= nodes and count % nodes == 0) for count, nodes in pairs)


RECIPE_RULES = (
    *FACTS_RULES,
    FieldRule(
        "!has(self.configurations) || "
        "self.configurations.all(one, self.configurations.exists_one(other, other.gpuCount == one.gpuCount))",
        "configurations must differ in gpuCount",
        _different,
    ),
    FieldRule(
        "!has(self.configurations) || self.configurations.all(one, !has(one.nodes) || "
        "(one.gpuCount >= one.nodes && one.gpuCount % one.nodes == 0) || one.nodes == 1)",
        "a configuration has as many GPUs on each of its nodes: gpuCount is a multiple of nodes",
        _even,
    ),
)


class RecipeSpec(Ruled):
    """Configurations that serve one model on one GPU product, in one precision, with one engine."""

    rules = RECIPE_RULES

    recipe_id: Name | None = None
    """An identifier of your own; the object's name when left out."""
    model_id: ModelId
    """Id of the model that endpoints request."""
    checkpoint: ModelId | None = None
    """The repository that is loaded for the model, such as a quantised one; modelId when left out."""
    description: Text | None = None
    """A description for people."""
    hardware: Annotated[str, Field(min_length=1, max_length=64)]
    """The GPU product, such as MI300X, or CPU. Nodes are matched by its PCI device ids, not by this name."""
    precision: Precision
    """The format of the weights that are loaded."""
    backend: Backend
    """The engine."""
    image: RecipeImage | None = None
    """The engine's image, instead of the operator's default."""
    facts: ModelFacts | None = None
    """Facts of the checkpoint; without them its memory cannot be checked."""
    draft: RecipeDraft | None = None
    """A second model that drafts tokens. Only an endpoint that requests it (recipe.draft), or names this recipe, gets a
    configuration with one; its arguments are the operator's."""
    configurations: Annotated[
        tuple[Configuration, ...],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["gpuCount"]},
        ),
    ] = ()
    """Ways to run the model, one for each number of GPUs."""
    performance: RecipePerformance | None = None
    """Expected performance, in the form of the earlier API."""

    @property
    def loaded(self) -> str:
        """The repository whose files are loaded."""
        return self.checkpoint or self.model_id


class RecipeStatus(Model):
    """Whether the recipe can be used, and if not, why."""

    observed_generation: int | None = None
    """The generation that this status was computed from."""
    phase: Literal["Pending", "Ready", "Invalid"] | None = None
    """Pending: not checked yet. Ready. Invalid, with the reason in the condition Ready."""
    gpu_counts: Text | None = None
    """Numbers of GPUs of the enabled configurations, such as 1,2,4,8."""
    message: Annotated[str, Field(max_length=4096)] | None = None
    """What is wrong, or which checks were not possible."""
    conditions: Conditions = ()
    """The condition Ready; Stalled while the phase is Invalid."""


class AIMRecipe(K8sObject):
    """Configurations that serve one model on one GPU product, in one precision, with one engine."""

    spec: RecipeSpec
    status: RecipeStatus | None = None
