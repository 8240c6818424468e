"""The status of an AIMEndpoint: what was chosen and why, and what was observed."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import GpuCount, MessageText, Model, ModelId, Name, Quantity, Text
from aimlib.api.meta import Conditions
from aimlib.api.recipe import Backend, ComputeResources, EnvVar


class ScoreTerm(Model):
    """One term of a score."""

    name: Text
    """What was compared."""
    value: Text
    """What it is for this candidate, in words."""


class Candidate(Model):
    """One configuration of one recipe, and what became of it."""

    recipe: Name
    """The recipe."""
    gpu_count: GpuCount
    """Its number of GPUs."""
    rank: int | None = None
    """Place among those that fit; 1 was chosen."""
    score: tuple[ScoreTerm, ...] = ()
    """The terms it was ranked by, weightiest first; equal ones go by name."""
    rule: Text | None = None
    """The rule it failed."""
    asked: Text | None = None
    """What that rule wanted."""
    found: Text | None = None
    """What it found instead."""


class Selection(Model):
    """How the choice was made, as of the moment it was made."""

    decided_for: Text
    """Digest of the parts of the spec that decide; a new one means a new decision."""
    message: MessageText
    """The outcome in a sentence."""
    considered: int
    """Candidates in all."""
    fallback: int | None = None
    """The step of recipe.fallback that was needed, from 1; absent when none was."""
    candidates: tuple[Candidate, ...] = ()
    """The candidates, best first; cut where there are too many."""


class Resolved(Model):
    """The choice itself: all that is needed to rebuild the children without deciding again."""

    decided_for: Text
    """Digest of the parts of the spec that this was decided for."""
    recipe: Name
    """The recipe."""
    model_id: ModelId
    """The model that is served."""
    checkpoint: ModelId
    """The repository whose files are loaded."""
    backend: Backend
    """The engine."""
    precision: Text
    """The format of the weights."""
    gpu_count: GpuCount
    """GPUs of one replica."""
    image: Text
    """The engine's image."""
    product: Name
    """The GPU product, or CPU."""
    vendor: Text
    """amd, nvidia or cpu."""
    resource: Name | None = None
    """The extended resource asked for; absent on CPUs."""
    partition: Text | None = None
    """The partition of the GPUs, where they are partitioned."""
    device_ids: tuple[Text, ...] = ()
    """PCI device ids that nodes are matched by."""
    node_products: tuple[Text, ...] = ()
    """Values of nvidia.com/gpu.product that nodes are matched by."""
    tolerations: tuple[Name, ...] = ()
    """Taint keys that are tolerated."""
    args: tuple[str, ...] = ()
    """The recipe's arguments of the engine."""
    env: tuple[EnvVar, ...] = ()
    """The recipe's environment variables."""
    resources: ComputeResources = ComputeResources()
    """CPU and memory of one replica."""
    cache_size: Quantity | None = None
    """Size of a claim that holds the checkpoint."""


class SelectedRecipe(Model):
    """The choice in short, as the earlier API shows it."""

    name: Name
    """The recipe."""
    backend: Text
    """The engine."""
    precision: Text
    """The format of the weights."""
    gpu_count: GpuCount
    """GPUs of one replica."""
    hardware: Text
    """The GPU product, or CPU."""


class UsedCache(Model):
    """The AIMCache that an endpoint uses: all that is needed to build its pods when the cache itself is gone."""

    name: Name
    """The cache."""
    claim_name: Name
    """Its claim."""
    mount_path: Text
    """Where the claim is mounted."""
    access_mode: Text
    """The access mode of the claim."""
    revision: Text | None = None
    """The revision that the cache keeps, where it is not the default branch."""


class Endpoints(Model):
    """Where the model answers."""

    internal: Text | None = None
    """URL inside the cluster."""
    external: Text | None = None
    """URL outside the cluster, once there is one."""
    load_balancer: Text | None = None
    """URL of the load balancer, once it has an address."""
    node_port: int | None = None
    """Port on every node, for Services of type NodePort."""


class Replicas(Model):
    """Replicas, as the Deployment reports them."""

    desired: int
    """How many are wanted."""
    current: int | None = None
    """How many exist; absent until the first one has been ready."""
    ready: int | None = None
    """How many are ready."""
    available: int | None = None
    """How many have been ready long enough."""


class Metrics(Model):
    """Live figures of all replicas together, rounded; those that nobody measures are absent."""

    throughput: float | None = None
    """Requests per second that ended, over 5 minutes."""
    tokens_per_second: float | None = None
    """Generated tokens per second, over 5 minutes."""
    latency: float | None = None
    """Mean latency of whole requests in milliseconds, over 5 minutes."""
    time_to_first_token_p95: float | None = None
    """95th percentile of the time to the first token in milliseconds, over 5 minutes."""
    requests_running: float | None = None
    """Requests that are being served."""
    requests_waiting: float | None = None
    """Requests in the engine's queue."""
    kv_cache_utilization: float | None = None
    """Percent of the KV cache in use, the mean of the replicas."""
    gpu_utilization: float | None = None
    """Percent, where a device exporter tells."""
    cpu_utilization: float | None = None
    """Percent."""
    memory_utilization: float | None = None
    """Percent."""
    observed_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = None
    """When this was measured; it has hardly changed since."""
    reason: Literal["NotConfigured", "NoReplicas", "NotAnswering", "NotScraped", "NoTraffic"] | None = None
    """Why figures are absent."""
    message: Text | None = None
    """The same in a sentence."""


class EndpointStatus(Model):
    """What was chosen and why, and what was observed."""

    observed_generation: int | None = None
    """The generation that this status was computed from."""
    phase: Literal["Pending", "Reconciling", "Ready", "Failed", "Stopped"] | None = None
    """Pending: nothing fits yet. Reconciling: starting or changing. Ready. Failed: needs you. Stopped: no replicas."""
    message: MessageText | None = None
    """What it is waiting for, or what is wrong."""
    model: ModelId | None = None
    """The model asked for."""
    selected_recipe: SelectedRecipe | None = None
    """The choice in short."""
    endpoints: Endpoints | None = None
    """Where the model answers."""
    replicas: Replicas | None = None
    """Replicas."""
    selector: Text | None = None
    """Label selector of the pods, for autoscalers."""
    cache: UsedCache | None = None
    """The AIMCache that is used."""
    metrics: Metrics | None = None
    """Live figures, where spec.monitoring is enabled."""
    conditions: Conditions = ()
    """Ready, RecipeSelected, CacheReady, Available, UpToDate."""
    warnings: tuple[MessageText, ...] = ()
    """What was accepted but has no effect, and what could not be checked."""
    selection: Selection | None = None
    """How the choice was made."""
    resolved: Resolved | None = None
    """The choice itself."""
