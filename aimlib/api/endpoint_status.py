"""The status of an AIMEndpoint: the selected configuration and why, and what is observed."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.adapter import AdapterStatus
from aimlib.api.base import FilledText, GpuCount, MessageText, Model, ModelId, Name, Text, Timestamp
from aimlib.api.canary import CanaryStatus
from aimlib.api.history import HistoryEntry, Rollback
from aimlib.api.inspection import Inspection
from aimlib.api.meta import Conditions
from aimlib.api.recipe import Backend
from aimlib.api.resolved import Resolved
from aimlib.api.room import MOST_FULL, FreeCapacity, FullHardware
from aimlib.api.scaling import ScalingStatus
from aimlib.api.source import Verified
from aimlib.api.startup import Startup


class ScoreTerm(Model):
    """One term of a candidate's score."""

    name: Text
    """Name of the term."""
    value: Text
    """Value of the term for this candidate, with its unit."""


class DerivedCandidate(Model):
    """What a candidate is that no recipe has."""

    origin: Text
    """What it is derived from: a recipe for other GPUs, an AIMModel, or the model's files."""
    hardware: Name
    """The GPU product."""
    precision: Text
    """The format of the weights."""
    backend: Backend
    """The engine."""
    checkpoint: ModelId
    """The repository whose files are loaded."""


class Candidate(Model):
    """One configuration of a recipe, and its rank or the rule that rejected it."""

    recipe: Name
    """Name of the recipe."""
    gpu_count: GpuCount
    """GPUs per replica of the configuration."""
    rank: int | None = None
    """Rank among the candidates that fit; 1 is selected."""
    score: tuple[ScoreTerm, ...] = ()
    """The terms it is ranked by, most important first; candidates with equal terms are ranked by name."""
    rule: Text | None = None
    """The rule that rejected it."""
    asked: Text | None = None
    """What the rule requires."""
    found: Text | None = None
    """What is available instead."""
    derived: DerivedCandidate | None = None
    """What it is, where no recipe has it; recipe is then a name that no object has."""


class Selection(Model):
    """How the configuration was selected, as of the time of the selection."""

    decided_for: FilledText
    """Digest of the fields of the spec that selection depends on; a change of it causes a new selection."""
    message: MessageText
    """The result of the selection."""
    considered: int
    """Number of candidates."""
    fallback: int | None = None
    """The step of recipe.fallback that was used, counted from 1; absent when none was."""
    cache_tokens: int | None = None
    """Tokens that the KV cache of a replica holds; absent where the recipe has no facts to compute it from."""
    cache_sequences: float | None = None
    """How many sequences of the longest length are that."""
    layout: Text | None = None
    """How the model is divided among the GPUs of a replica, such as TP 1 x DP 8, experts over 8; absent where it is
    tensor parallelism alone."""
    candidates: tuple[Candidate, ...] = ()
    """The candidates, best first, up to a limit."""
    notes: tuple[Text, ...] = ()
    """What of the selected recipe is left out or replaced."""
    full: Annotated[tuple[FullHardware, ...], Field(max_length=MOST_FULL)] = ()
    """Hardware that was full when its candidates were passed over."""
    free: FreeCapacity | None = None
    """What was free at the selection, where the operator looks (component free-capacity). It is not looked at again."""


class SelectedRecipe(Model):
    """A summary of the selected configuration, in the form of the earlier API."""

    name: Name
    """Name of the recipe."""
    backend: Text
    """The engine."""
    precision: Text
    """The format of the weights."""
    gpu_count: GpuCount
    """GPUs per replica."""
    hardware: Text
    """The GPU product, or CPU."""


class UsedCache(Model):
    """The AIMCache that an endpoint uses: everything that is needed to build its pods after the cache is deleted."""

    name: Name
    """Name of the AIMCache."""
    claim_name: Name
    """Name of its PersistentVolumeClaim."""
    mount_path: Text
    """Path at which the pods mount the volume."""
    access_mode: Text
    """Access mode of the PersistentVolumeClaim."""
    revision: Text | None = None
    """The revision of the model in the cache, if it is not the default branch."""
    draft_revision: Text | None = None
    """The revision of the model that drafts in the cache, if it is not the default branch."""


class LoadedSource(Model):
    """Which version of a source an endpoint loads; it stays, whatever the source names later."""

    source: Text
    """Where the files came from."""
    resolved: Text | None = None
    """What the source's tag or alias named then: the digest of an OCI manifest; the version of a model in MLflow."""
    commit: Text | None = None
    """The commit; of a source without commits, a digest of the list of its files, each with its size and version, such
    as an ETag."""
    verified: Verified | None = None
    """SourceHashes: every file has the hash that the source states. FirstRead: the source states sizes and versions
    only; no file changed while it was read, and what was read is checked from then on. Digest: the container
    runtime checks what it pulls against the digest, and nothing checks the files later."""


class Endpoints(Model):
    """Base URLs of the model's API, as clients of OpenAI's API take them."""

    internal: Text | None = None
    """Base URL inside the cluster; it ends in /v1."""
    external: Text | None = None
    """Base URL outside the cluster, once there is one; it ends in /v1."""
    load_balancer: Text | None = None
    """Base URL at the load balancer, once it has an address; it ends in /v1."""
    node_port: int | None = None
    """Port on every node, for Services of type NodePort."""


class Replicas(Model):
    """Replicas, as the Deployment reports them."""

    desired: int
    """Number of desired replicas."""
    current: int | None = None
    """Number of existing replicas; absent until one has been ready for the first time."""
    ready: int | None = None
    """Number of ready replicas."""
    available: int | None = None
    """Number of replicas that have been ready for the Deployment's minReadySeconds."""


class Metrics(Model):
    """Live metrics of all replicas together, rounded; those that are not measured are absent."""

    throughput: float | None = None
    """Finished requests per second, over 5 minutes."""
    tokens_per_second: float | None = None
    """Generated tokens per second, over 5 minutes."""
    latency: float | None = None
    """Mean latency of whole requests, in milliseconds, over 5 minutes."""
    time_to_first_token_p95: float | None = None
    """95th percentile of the time to the first token, in milliseconds, over 5 minutes."""
    requests_running: float | None = None
    """Number of requests that are being served."""
    requests_waiting: float | None = None
    """Number of requests in the engines' queues."""
    kv_cache_utilization: float | None = None
    """Mean utilization of the replicas' KV caches, in percent."""
    gpu_utilization: float | None = None
    """Mean utilization of the GPUs, in percent, if a device exporter provides it."""
    cpu_utilization: float | None = None
    """Percent."""
    memory_utilization: float | None = None
    """Percent."""
    observed_at: Timestamp | None = None
    """When these values were measured; they are written again once they change noticeably."""
    reason: Literal["NotConfigured", "NoReplicas", "NotAnswering", "NotScraped", "NoTraffic"] | None = None
    """Why metrics are absent."""
    message: Text | None = None
    """Why metrics are absent, with details."""


class EndpointStatus(Model):
    """The selected configuration and why, and what is observed."""

    observed_generation: int | None = None
    """The generation that this status was computed from."""
    phase: Literal["Pending", "Reconciling", "Ready", "Degraded", "Failed", "Stopped", "Idle"] | None = None
    """Pending: waits for others. Reconciling: in progress. Ready. Degraded: serves, and not as requested. Failed: does
    not serve, and needs your action. Stopped: no replicas. Idle: none until a request comes."""
    message: MessageText | None = None
    """What the endpoint waits for, or what is wrong."""
    model: ModelId | None = None
    """Id of the requested model."""
    selected_recipe: SelectedRecipe | None = None
    """A summary of the selected configuration."""
    endpoints: Endpoints | None = None
    """URLs of the model's API."""
    replicas: Replicas | None = None
    """Replicas, as the Deployment reports them."""
    selector: Text | None = None
    """Label selector of the pods, for autoscalers."""
    scaling: ScalingStatus | None = None
    """What scales the endpoint, to how many replicas, and why."""
    cache: UsedCache | None = None
    """The AIMCache that the endpoint uses."""
    source: LoadedSource | None = None
    """Which version of the model's source is loaded, where the files are not from the hub's repository of its id."""
    adapters: tuple[AdapterStatus, ...] = ()
    """The adapters that are served beside the model, and where each is."""
    metrics: Metrics | None = None
    """Live metrics, if spec.monitoring is enabled."""
    startup: Startup | None = None
    """How long the last replicas took from the creation of their pod until they were ready."""
    conditions: Conditions = ()
    """Ready, RecipeSelected, CacheReady, Available, RouteReady, AddressReady, UpToDate, StartsFast and CanaryHealthy;
    Stalled while the phase is Failed, and Reconciling while it is that."""
    warnings: tuple[MessageText, ...] = ()
    """Settings that have no effect or replace what the recipe states, and checks that were not possible."""
    inspection: Inspection | None = None
    """What was found in the model's files, where neither a recipe nor an AIMModel describes it."""
    selection: Selection | None = None
    """How the configuration was selected."""
    resolved: Resolved | None = None
    """The selected configuration."""
    canary: CanaryStatus | None = None
    """How far a new version is tried, or how the last one ended."""
    rollback: Rollback | None = None
    """That an earlier version runs although the spec requests another."""
    history: Annotated[tuple[HistoryEntry, ...], Field(max_length=10)] = ()
    """The last versions, the present one last."""
