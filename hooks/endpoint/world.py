"""What an endpoint's sync is about, read once from its request: the spec, the status so far, and what is observed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from aimlib.api import API_VERSION
from aimlib.api.adapter import AdapterStatus
from aimlib.api.base import Model
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.meta import Raw
from aimlib.canary.step import ENDED
from aimlib.config import Config
from aimlib.diagnosis.container_ends import EngineLog
from aimlib.diagnosis.preparation import NotPrepared
from aimlib.diagnosis.refusals import SyncError
from aimlib.hardware.free import NodeUse
from aimlib.naming import ENDPOINT_LABEL, FIRST_TRACK, TRACKS, child_name, track_value
from aimlib.protocol import observations
from aimlib.protocol.metacontroller import BadRequestError, Request
from aimlib.protocol.observed import (
    CLAIM,
    SERVICE,
    Children,
    find_child,
    find_server,
    last_changed,
    replicas_missing,
    requested_since,
    servers,
)
from aimlib.protocol.time_of_change import time_of_change
from aimlib.scaling.headroom import follows_past, replay_is_due
from aimlib.schema.parsing import parse_again
from aimlib.telemetry.live_metrics import Observation
from aimlib.telemetry.track_query import TrackFigures
from aimlib.telemetry.traffic_query import RecordedTraffic
from hooks.endpoint.children.scalers import RoutingGateway
from hooks.endpoint.gateways import routing_gateways
from hooks.objects.annotations import is_reserved

COMPARED_PHASES = frozenset({"Starting", "Progressing", "AwaitingPromotion"})
"""Phases of a canary in which its figures are compared, or may be by the next sync."""
RECIPES = f"AIMRecipe.{API_VERSION}"
MODELS = f"AIMModel.{API_VERSION}"
M = TypeVar("M", bound=Model)
INVENTORY = f"AIMInventory.{API_VERSION}"
CACHES = f"AIMCache.{API_VERSION}"
AUTOSCALERS = "HorizontalPodAutoscaler.autoscaling/v2"
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
    requested_at: str | None
    """Since when the children of the present spec are requested."""
    now: datetime
    happened: Callable[[], str]
    """When what this sync finds changed has happened, by what is observed (`time_of_change`)."""
    config: Config
    recipes: list[Raw]
    inventories: list[Raw]
    caches: list[Raw]
    """The AIMCaches that the endpoint may use, besides its own."""
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
    queue: str | None = None
    """What Kueue tells of a pod that waits in a queue; None where no observer asked."""
    unprepared: NotPrepared | None = None
    """Why a pod with a node gets no containers; None where no observer asked, or nothing is told."""
    sync_errors: Sequence[SyncError] | None = None
    """What Metacontroller told of syncs that failed, where children are given up; None where no observer asked."""
    uses: Sequence[NodeUse] | None = None
    """The nodes with what pods request of them, where a configuration is to be selected; None where nobody looked."""
    models: Sequence[Raw] = ()
    """The AIMModels of the model; none where the endpoint names a recipe."""
    labels: Mapping[str, str] = MappingProxyType({})
    """The endpoint's labels, but for the operator's own."""
    tracks: TrackFigures = MappingProxyType({})
    """What Prometheus has of both versions, by track; empty where nothing was measured, or nobody asked."""
    routed: bool = False
    """Whether an AIMGateway shares requests out between the tracks."""
    tried_before: bool = False
    """Whether a new version is being tried by the status of the request; `before` may have its end already."""
    gateways: tuple[RoutingGateway, ...] = ()
    """The AIMGateways that route requests here, where the spec lets an autoscaler stop the endpoint."""
    autoscalers: Sequence[Raw] = ()
    """The HorizontalPodAutoscaler that KEDA has made for the endpoint, if there is one."""
    annotations: Mapping[str, str] = MappingProxyType({})
    """Those of the endpoint itself."""
    catalogue: observations.CatalogueNames | None = None
    """What there is instead, where the cluster has nothing of the model; None where no observer listed it."""
    traffic: RecordedTraffic | None = None
    """What Prometheus has of the endpoint's requests in the last days; None where that is not due, or nobody asked."""
    source_claim: Raw | None = None
    """The claim that the model's source names; None where it names none, or there is none of that name."""
    stable_track: str = FIRST_TRACK
    """The track of the version that serves."""
    running: Raw | None = None
    """The observed Deployment or LeaderWorkerSet of the version that serves."""

    @property
    def own_caches(self) -> list[Raw]:
        """The observed AIMCaches that the endpoint made for what its model's source names, or named."""
        return [*self.children.get(CACHES, {}).values()]

    def child(self, kind: str, name: str) -> Raw | None:
        """The observed child of that kind (`Kind.group/version`) and name."""
        return find_child(self.children, kind, name)

    @property
    def deployments(self) -> Collection[Raw]:
        """The observed Deployments and LeaderWorkerSets of all versions."""
        return servers(self.children)

    @property
    def pods_examined(self) -> bool:
        """Whether Pods were listed because replicas are missing."""
        return self.pods is not None and replicas_missing(self.deployments)


def with_status(world: World, before: Raw) -> World:
    """The world with this status so far, and with what is known by it of the version that serves."""
    track = stable_track(world.name, before, world.children)
    running = find_server(world.children, world.name, track)
    return world._replace(before=before, stable_track=track, running=running)


def stable_track(name: str, before: Raw, children: Children) -> str:
    """The track of the version that serves, by the status; by the Service where that is lost, else the older one."""
    written = before.get("canary")
    if isinstance(written, dict) and written.get("stableTrack") in TRACKS:
        return str(written["stableTrack"])
    service = find_child(children, SERVICE, child_name(name)) or {}
    selected = ((service.get("spec") or {}).get("selector") or {}).get(ENDPOINT_LABEL)
    of_service = next((track for track in TRACKS if track_value(name, track) == selected), None)
    return of_service or _older_track(name, children)


def _older_track(name: str, children: Children) -> str:
    found = [(find_server(children, name, track), track) for track in TRACKS]
    by_age = sorted((str(one["metadata"].get("creationTimestamp")), track) for one, track in found if one)
    return next((track for _, track in by_age), FIRST_TRACK)


def read_spec(parent: Raw) -> EndpointSpec:
    """The parent's spec; BadRequestError, in a sentence, where the CRD should have refused it."""
    return parse_again(EndpointSpec, parent.get("spec"))


def may_use_cache(spec: EndpointSpec) -> bool:
    """Whether an endpoint may use an AIMCache that somebody made."""
    return spec.requested_model.source is None and (spec.cache.name is not None or spec.cache.enabled is None)


def is_free(cache: Raw, named: str | None) -> bool:
    """Whether a cache is for any endpoint, and not the own one of some other; one that is named is used in any case."""
    metadata = cache["metadata"]
    owners = (one.get("kind") for one in metadata.get("ownerReferences") or () if one.get("controller"))
    return metadata["name"] == named or "AIMEndpoint" not in owners


def downloads_to_node(spec: EndpointSpec, caches: list[Raw] | None) -> bool:
    """Whether each replica downloads the model to its node: certainly neither a cache, a claim nor an image has it.

    `caches` are the AIMCaches that the endpoint may use; None where they are not known.
    """
    stated = spec.cache
    if spec.requested_model.source is not None:
        return False
    return stated.name is None and not stated.enabled and (stated.enabled is False or caches == [])


def requests_claim(spec: EndpointSpec) -> bool:
    """Whether an endpoint requests a PersistentVolumeClaim of its own."""
    return bool(spec.cache.enabled) and spec.cache.name is None and not spec.requested_model.downloaded


def requests_autoscaler(spec: EndpointSpec) -> bool:
    """Whether the spec requests that something scales the endpoint."""
    return spec.scaling is not None and spec.scaling.requested


def is_unknown(request: Request) -> bool:
    """Whether neither a recipe nor an AIMModel is there for what an endpoint requests."""
    return not any(request.related.get(kind) for kind in (RECIPES, MODELS))


def live_metrics_requested(request: Request) -> bool:
    """Whether the parent requests live metrics, and an observed Deployment has a ready replica to measure."""
    ready = any((found.get("status") or {}).get("readyReplicas") for found in servers(request.children))
    try:
        return ready and read_spec(request.parent).monitoring.scraped
    except BadRequestError:
        return False


def traffic_due(request: Request) -> bool:
    """Whether the parent's own traffic is to be replayed."""
    try:
        spec = read_spec(request.parent)
    except BadRequestError:
        return False
    known = ((request.parent.get("status") or {}).get("scaling") or {}).get("headroom") or {}
    return spec.monitoring.scraped and follows_past(spec.scaling) and replay_is_due(known.get("asOf"), request.now)


def may_reach_zero(spec: EndpointSpec) -> bool:
    """Whether the spec lets an autoscaler stop the endpoint."""
    return spec.scaling is not None and spec.scaling.to_zero


def tries_version(request: Request) -> bool:
    """Whether a new version of the parent is compared with the one that serves."""
    return _canary_phase(request) in COMPARED_PHASES


def _canary_phase(request: Request) -> str:
    state = (request.parent.get("status") or {}).get("canary")
    return str(state.get("phase")) if isinstance(state, dict) else ""


def observe(request: Request, spec: EndpointSpec, config: Config) -> World:
    """Everything of a request that the endpoint hook reads, beside the parent's spec."""
    metadata, routing = request.parent["metadata"], routing_gateways(request)
    before = request.parent.get("status") or {}
    world = World(
        name=metadata["name"],
        namespace=metadata.get("namespace", "default"),
        generation=metadata.get("generation"),
        labels={key: text for key, text in (metadata.get("labels") or {}).items() if not is_reserved(key)},
        spec=spec,
        before=before,
        changed_at=last_changed(request.parent),
        requested_at=requested_since(request.parent, request.now, known=bool(before.get("resolved"))),
        now=request.now,
        happened=partial(time_of_change, request),
        config=config,
        recipes=request.found(RECIPES),
        models=request.found(MODELS) if MODELS in request.related else [],
        inventories=request.found(INVENTORY),
        caches=[one for one in request.found(CACHES) if is_free(one, spec.cache.name)] if may_use_cache(spec) else [],
        storage_classes=request.found(STORAGE_CLASSES) if requests_claim(spec) else [],
        children=request.children,
        offers=request.offers,
        pods=request.observations.get(observations.PODS),
        log=request.observations.get(observations.ENGINE_LOG),
        queue=request.observations.get(observations.QUEUE_WORDS),
        unprepared=request.observations.get(observations.NOT_PREPARED),
        sync_errors=request.observations.get(observations.SYNC_ERRORS),
        uses=request.observations.get(observations.NODE_USES),
        live_metrics=request.observations.get(observations.LIVE_METRICS),
        tracks=request.observations.get(observations.TRACK_FIGURES) or {},
        routed=bool(routing),
        tried_before=_canary_phase(request) not in {"", *ENDED},
        gateways=routing if may_reach_zero(spec) else (),
        autoscalers=list((request.related.get(AUTOSCALERS) or {}).values()),
        annotations=metadata.get("annotations") or {},
        catalogue=request.observations.get(observations.CATALOGUE_NAMES),
        traffic=request.observations.get(observations.TRAFFIC),
        source_claim=next(iter(request.found(CLAIM)), None) if spec.requested_model.mounted else None,
    )
    return with_status(world, before)


def remembered_adapters(world: World) -> tuple[AdapterStatus, ...]:
    """The adapters in the status so far; BadRequestError where an older release wrote what this one cannot read."""
    found = world.before.get("adapters") or ()
    return tuple(parse_again(AdapterStatus, one, "status.adapters cannot be read") for one in found)


def remembered_part(before: Raw, field: str, model: type[M]) -> M | None:
    """A field of the status so far; BadRequestError where an older release wrote what this one cannot read.

    It must not delete anything.
    """
    return parse_again(model, before[field], f"status.{field} cannot be read") if before.get(field) else None
