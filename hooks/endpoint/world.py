"""What an endpoint's sync is about, read once from its request: the spec, the status so far, and what is observed."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from aimlib.api import API_VERSION
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.meta import Raw
from aimlib.config import Config
from aimlib.diagnosis.container_ends import EngineLog
from aimlib.protocol.metacontroller import BadRequestError, Request
from aimlib.protocol.observations import ENGINE_LOG, LIVE_METRICS, PODS
from aimlib.protocol.observed import DEPLOYMENT, Children, find_child, last_changed, replicas_missing
from aimlib.schema.parsing import parse_as
from aimlib.telemetry.live_metrics import Observation

RECIPES = f"AIMRecipe.{API_VERSION}"
MODELS = f"AIMModel.{API_VERSION}"
INVENTORY = f"AIMInventory.{API_VERSION}"
CACHES = f"AIMCache.{API_VERSION}"
STORAGE_CLASSES = "StorageClass.storage.k8s.io/v1"


class World(NamedTuple):
    """One endpoint and everything that its status and its children are made of."""

    name: str
    namespace: str
    generation: int | None
    spec: EndpointSpec
    before: Raw
    """The status that the last sync wrote; empty before there is one."""
    changed_at: str | None
    """When anybody but the status writer last changed the endpoint."""
    now: datetime
    config: Config
    recipes: list[Raw]
    inventories: list[Raw]
    caches: list[Raw]
    """The AIMCaches that the endpoint may use."""
    storage_classes: list[Raw]
    """Those of the cluster, where the endpoint requests a claim of its own."""
    children: Children
    offers: Callable[[str], bool]
    """Whether a child of a kind may be desired (`Request.offers`)."""
    pods: list[Raw] | None
    """The endpoint's Pods; None where no observer listed them."""
    log: EngineLog | None
    """What was read of the log of a container that ended; None where no observer did."""
    live_metrics: Observation | None
    """What Prometheus has of the endpoint; None where no observer queried it."""
    models: Sequence[Raw] = ()
    """The AIMModels of the model; none where the endpoint names a recipe."""

    def child(self, kind: str, name: str) -> Raw | None:
        """The observed child of that kind (`Kind.group/version`) and name."""
        return find_child(self.children, kind, name)

    @property
    def pods_examined(self) -> bool:
        """Whether Pods were listed because replicas are missing."""
        return self.pods is not None and replicas_missing(self.children.get(DEPLOYMENT, {}).values())


def read_spec(parent: Raw) -> EndpointSpec:
    """The parent's spec; BadRequestError, in a sentence, where the CRD should have refused it."""
    return parse_as(EndpointSpec, parent.get("spec"))


def may_use_cache(spec: EndpointSpec) -> bool:
    """Whether an endpoint may use an AIMCache."""
    return spec.cache.name is not None or spec.cache.enabled is None


def requests_claim(spec: EndpointSpec) -> bool:
    """Whether an endpoint requests a PersistentVolumeClaim of its own."""
    return bool(spec.cache.enabled) and spec.cache.name is None


def live_metrics_requested(request: Request) -> bool:
    """Whether the parent requests live metrics, and an observed Deployment has a ready replica to measure."""
    ready = any((found.get("status") or {}).get("readyReplicas") for found in request.observed(DEPLOYMENT))
    try:
        return ready and read_spec(request.parent).monitoring.scraped
    except BadRequestError:
        return False


def observe(request: Request, spec: EndpointSpec, config: Config) -> World:
    """Everything of a request that the endpoint hook reads, beside the parent's spec."""
    metadata = request.parent["metadata"]
    return World(
        name=metadata["name"],
        namespace=metadata.get("namespace", "default"),
        generation=metadata.get("generation"),
        spec=spec,
        before=request.parent.get("status") or {},
        changed_at=last_changed(request.parent),
        now=request.now,
        config=config,
        recipes=request.found(RECIPES),
        models=request.found(MODELS) if MODELS in request.related else [],
        inventories=request.found(INVENTORY),
        caches=request.found(CACHES) if may_use_cache(spec) else [],
        storage_classes=request.found(STORAGE_CLASSES) if requests_claim(spec) else [],
        children=request.children,
        offers=request.offers,
        pods=request.observations.get(PODS),
        log=request.observations.get(ENGINE_LOG),
        live_metrics=request.observations.get(LIVE_METRICS),
    )
