"""AIMEndpoint: a model to serve. Its parts are in `endpoint_parts`, its status in `endpoint_status`."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from aimlib.api import formats
from aimlib.api.accelerators import Accelerators
from aimlib.api.adapter import ADAPTER_RULES, MOST_ADAPTERS, Adapter
from aimlib.api.availability import Availability
from aimlib.api.base import FieldRule, GpuCount, ModelId, ObjectName, Ruled, Text, TransitionRule
from aimlib.api.endpoint_choice import ModelRef, RecipeChoice, RequestedBackend
from aimlib.api.endpoint_parts import (
    Cache,
    DeploymentSettings,
    Image,
    Monitoring,
    Resources,
    Security,
    ServiceSettings,
)
from aimlib.api.endpoint_status import EndpointStatus
from aimlib.api.meta import K8sObject
from aimlib.api.pod import POD_RULES, AnnotationKey, CaBundle, EngineSettings, Labels, Toleration
from aimlib.api.precision import RequestedPrecision
from aimlib.api.routing import Routing
from aimlib.api.scaling import Scaling
from aimlib.api.spelling import MISSING, agreement, lookup, one_spelling, spelling

ENDPOINT_SPELLINGS = (
    spelling("modelId", "model.id"),
    spelling("gpuCount", "recipe.gpuCount"),
    spelling("resources.gpuCount", "recipe.gpuCount"),
    spelling("precision", "recipe.precision"),
    spelling("backend", "recipe.backend"),
    spelling("autoSelect", "recipe.autoSelect"),
    spelling("cache.storage.size", "cache.size"),
    spelling("cache.storage.storageClass", "cache.storageClass"),
    spelling("cache.storage.accessMode", "cache.accessMode"),
    spelling("cache.storage.mountPath", "cache.mountPath"),
)
"""Every path with a second spelling. This process reads the long form only."""


def _given(raw: Mapping[str, Any], *paths: str) -> bool:
    return any(lookup(raw, tuple(path.split("."))) is not MISSING for path in paths)


def _is_mounted(raw: Mapping[str, Any]) -> bool:
    """Whether the files of the model are where they are loaded: on a claim, or in an image."""
    return _scheme(raw) == "pvc" or _given(raw, "model.imageVolume")


def _scheme(raw: Mapping[str, Any]) -> str | None:
    """The scheme of the model's source; None without one."""
    source = lookup(raw, ("model", "source"))
    return None if source is MISSING else str(source).partition("://")[0]


def _manual_is_complete(raw: Mapping[str, Any]) -> bool:
    if _given(raw, "recipe.customRecipe"):
        return True
    if False not in (lookup(raw, ("autoSelect",)), lookup(raw, ("recipe", "autoSelect"))):
        return True
    return _given(raw, "gpuCount", "recipe.gpuCount", "resources.gpuCount") and _given(
        raw, "precision", "recipe.precision"
    )


ENDPOINT_RULES = (
    FieldRule(
        "has(self.modelId) || (has(self.model) && has(self.model.id))",
        "state which model to serve: modelId or model.id",
        lambda raw: _given(raw, "modelId", "model.id"),
    ),
    FieldRule(
        "(has(self.recipe) && has(self.recipe.customRecipe)) || !((has(self.autoSelect) && !self.autoSelect) || "
        "(has(self.recipe) && has(self.recipe.autoSelect) && !self.recipe.autoSelect)) || "
        "((has(self.gpuCount) || (has(self.recipe) && has(self.recipe.gpuCount)) || "
        "(has(self.resources) && has(self.resources.gpuCount))) && "
        "(has(self.precision) || (has(self.recipe) && has(self.recipe.precision))))",
        "autoSelect: false selects nothing by itself: state gpuCount and precision (backend is vllm unless stated), "
        "or recipe.customRecipe",
        _manual_is_complete,
    ),
    FieldRule(
        "!(has(self.model) && has(self.model.source) && (self.model.source.startsWith('pvc://') || "
        "has(self.model.imageVolume))) || !has(self.cache) || "
        "!(has(self.cache.name) || (has(self.cache.enabled) && self.cache.enabled))",
        "a folder on a claim, or an image volume, is loaded where it is: leave out cache.name and cache.enabled",
        lambda raw: (
            not _is_mounted(raw) or (not _given(raw, "cache.name") and lookup(raw, ("cache", "enabled")) is not True)
        ),
    ),
    FieldRule(
        "!has(self.model) || !has(self.model.source) || self.model.source.startsWith('pvc://') || "
        "has(self.model.imageVolume) || !has(self.cache) || "
        "!(has(self.cache.name) || (has(self.cache.enabled) && !self.cache.enabled))",
        "what model.source names is downloaded to an AIMCache that the endpoint makes: leave out cache.name and "
        "cache.enabled: false",
        lambda raw: (
            _scheme(raw) is None
            or _is_mounted(raw)
            or (not _given(raw, "cache.name") and lookup(raw, ("cache", "enabled")) is not False)
        ),
    ),
    FieldRule(
        "!has(self.engine) || !has(self.engine.compileCache) || "
        "(has(self.engine.compileCache.accessMode) && self.engine.compileCache.accessMode == 'ReadWriteMany') || "
        "!has(self.availability) || !has(self.availability.spread)",
        "availability.spread needs engine.compileCache.accessMode: ReadWriteMany, since a ReadWriteOnce claim keeps "
        "all replicas on one node",
        lambda raw: (
            not _given(raw, "engine.compileCache")
            or lookup(raw, ("engine", "compileCache", "accessMode")) == "ReadWriteMany"
            or not _given(raw, "availability.spread")
        ),
    ),
    *ADAPTER_RULES,
    *POD_RULES,
    *agreement(ENDPOINT_SPELLINGS),
)


ENDPOINT_TRANSITIONS = (
    TransitionRule(
        "(has(self.queueName) ? self.queueName : '') == (has(oldSelf.queueName) ? oldSelf.queueName : '') || "
        "!has(oldSelf.queueName) || (has(self.queueName) && "
        "((has(self.suspend) && self.suspend) || (has(self.replicas) && self.replicas == 0)))",
        "queueName cannot be removed, and is changed while the endpoint is stopped (suspend: true): Kueue lets no "
        "Deployment that runs leave its queue",
    ),
)
QueueName = Annotated[str, formats.NAMESPACE.field]


class EndpointSpec(Ruled):
    """The model to serve and the requirements on it. The operator selects whatever is left out."""

    rules = ENDPOINT_RULES
    transitions = ENDPOINT_TRANSITIONS

    model_id: ModelId | None = None
    """Short for model.id."""
    gpu_count: GpuCount | None = None
    """Short for recipe.gpuCount: GPUs per replica; 0 requests CPUs."""
    precision: RequestedPrecision | None = None
    """Short for recipe.precision."""
    backend: RequestedBackend | None = None
    """Short for recipe.backend."""
    auto_select: bool | None = None
    """Short for recipe.autoSelect."""
    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """Number of replicas; 0 stops the endpoint. `kubectl scale` and autoscalers write this field."""
    suspend: bool = False
    """Stop the endpoint, whatever replicas and scaling state: no replicas until it is false again."""
    model: ModelRef | None = None
    """The model to serve."""
    adapters: Annotated[
        tuple[Adapter, ...],
        Field(
            max_length=MOST_ADAPTERS,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """LoRA adapters that are served beside the model, each under its own name. A change of the list replaces the pods.
    """
    recipe: RecipeChoice = RecipeChoice()
    """How the recipe is selected."""
    accelerators: Accelerators = Accelerators()
    """How the pods get their GPUs."""
    resources: Resources = Resources()
    """CPU and memory per replica, instead of the recipe's."""
    scaling: Scaling | None = None
    """Automatic scaling."""
    availability: Availability = Availability()
    """How many replicas stay ready while nodes are drained or lost."""
    service: ServiceSettings = ServiceSettings()
    """The Service in front of the replicas."""
    routing: Routing = Routing()
    """Which AIMGateways route requests here, and by which names."""
    monitoring: Monitoring = Monitoring()
    """Metrics and dashboards."""
    cache: Cache = Cache()
    """Where the model's files are stored."""
    security: Security = Security()
    """User, groups and service account of the pods."""
    deployment: DeploymentSettings = DeploymentSettings()
    """How an update replaces replicas."""
    image: Image = Image()
    """The engine's image, instead of the recipe's."""
    engine: EngineSettings = EngineSettings()
    """Arguments and variables of the engine, in addition to the recipe's or instead of them."""
    node_selector: Labels = Field(default_factory=dict)
    """Labels of the nodes on which the pods may run, besides the selected hardware."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] = ()
    """Taints of nodes on which the pods may run, besides those of the operator's settings."""
    runtime_class_name: ObjectName | None = None
    """RuntimeClass of the pods, such as nvidia; that of the operator's settings for the vendor when left out."""
    priority_class_name: ObjectName | None = None
    """PriorityClass of the pods."""
    queue_name: QueueName | None = None
    """LocalQueue of Kueue in this namespace whose quota the pods use; each of them waits until it has room there. It is
    changed while the endpoint is stopped."""
    scheduler_name: ObjectName | None = None
    """Scheduler of the pods; the cluster's default one when left out."""
    labels: Labels = Field(default_factory=dict)
    """Labels of the pods, besides the operator's."""
    annotations: Annotated[dict[AnnotationKey, Text], Field(max_length=16)] = Field(default_factory=dict)
    """Annotations of the pods, besides the operator's."""
    ca_bundle: CaBundle | None = None
    """Certificates of the authorities that the engine trusts; those of the operator's settings when left out."""

    @classmethod
    def normalised(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        return one_spelling(raw, ENDPOINT_SPELLINGS)

    @property
    def requested_model(self) -> ModelRef:
        """The model, however the spec spells it."""
        if self.model is None:
            raise ValueError("no model: an EndpointSpec is made by parsing, which refuses that")
        return self.model


class AIMEndpoint(K8sObject):
    """A model, served behind an OpenAI-compatible API on the right GPUs with the right engine settings."""

    spec: EndpointSpec
    status: EndpointStatus | None = None
