"""The objects that there are in the world of a golden case, as the API server serves them."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic.alias_generators import to_camel

from aimlib.api import API_VERSION
from aimlib.api.node import NodeSpec
from aimlib.caching.job_reports import model_key, newest_key
from aimlib.caching.usage import Use, usage_annotation, usage_labels
from aimlib.derive.inspection_reports import inspection_key
from aimlib.diagnosis.preparation import PodEvent
from aimlib.diagnosis.refusals import SyncError
from aimlib.gateway.routed import RoutingRecord, pods_service, routed_metadata, with_endpoint
from aimlib.hardware.free import NodeUse
from aimlib.kube.timestamp import format_timestamp as instant
from aimlib.kube.timestamp import parse_time
from aimlib.naming import CHECKPOINT_LABEL, DRAFT_LABEL, ENDPOINT_LABEL, MODEL_LABEL, model_label
from aimlib.telemetry.live_metrics import Observation
from aimlib.telemetry.prometheus_query import STATUS_METRICS
from aimlib.telemetry.traffic_query import RecordedTraffic
from hooks.objects.volume_claim import DEFAULT_CLASS
from tests.cases import PARENTS, merged, shared

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMESPACE = "team-a"


def versioned(raw: dict[str, Any]) -> dict[str, Any]:
    """An object as the API server serves it; the resourceVersion names the content."""
    content = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()[:8]
    stamped = {"uid": f"{raw['kind']}-{raw['metadata']['name']}", "resourceVersion": str(int(content, 16))}
    return {**raw, "metadata": {**raw["metadata"], **stamped}}


def parent(kind: str, world: dict[str, Any]) -> dict[str, Any]:
    """The parent object of a world."""
    given = shared("recipes", world[kind]) if kind == "recipe" else world.get(kind) or {}
    usual = {
        "endpoint": {"name": "chat", "namespace": NAMESPACE, "generation": 1},
        "cache": {"name": "models", "namespace": NAMESPACE, "generation": 1},
        "gateway": {"name": "models", "namespace": NAMESPACE, "generation": 1},
        "inventory": {"name": "cluster"},
    }
    metadata = usual.get(kind, {}) | given.get("metadata", {})
    api = {"node": "v1", "slice": "resource.k8s.io/v1"}.get(kind, API_VERSION)
    return {"apiVersion": api, "kind": PARENTS[kind], **given, "metadata": metadata}


def dated(owner: dict[str, Any], created: datetime, changed: datetime) -> dict[str, Any]:
    """The parent with the times that the API server keeps; a case may state others."""
    written = {"manager": "kubectl", "operation": "Update", "time": instant(changed)}
    times = {"creationTimestamp": instant(created), "managedFields": [written]}
    return {**owner, "metadata": times | owner["metadata"]}


def catalogue(world: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything in the cluster that a hook may ask for."""
    found = [shared("recipes", one) for one in world.get("recipes", ())]
    if world.get("inventory") is not None:
        status = shared("inventories", world["inventory"])
        found.append({"kind": "AIMInventory", "metadata": {"name": "cluster"}, "status": status})
    for name, given in world.get("models", {}).items():
        whole = given if "spec" in given else {"spec": given}
        found.append({"kind": "AIMModel", "metadata": {"name": name}, **whole})
    for name, spec in world.get("nodes", {}).items():
        found.append({"kind": "AIMNode", "metadata": {"name": name}, "spec": spec})
    for name, given in world.get("caches", {}).items():
        metadata = {"name": name, "namespace": NAMESPACE, **given.get("metadata", {})}
        found.append({"kind": "AIMCache", **given, "metadata": metadata})
    for name, given in world.get("gateways", {}).items():
        found.append({"kind": "AIMGateway", "metadata": {"name": name, "namespace": NAMESPACE}, **given})
    found += [*_core(world)]
    return [versioned({"apiVersion": API_VERSION, **_labelled(one)}) for one in found]


def _core(world: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Objects of Kubernetes itself."""
    cache_name = (world.get("cache") or {}).get("metadata", {}).get("name", "models")
    for name, used in world.get("users", {}).items():
        uses = tuple(Use(cache_name, *([one] if isinstance(one, str) else one)) for one in used)
        metadata = {"name": name, "namespace": NAMESPACE, "annotations": usage_annotation(uses)}
        owners = [{"kind": "AIMEndpoint", "name": name, "controller": True}]
        named = {**metadata, "labels": usage_labels(uses), "ownerReferences": owners}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": named}
    for place, given in world.get("routed", {}).items():
        namespace, endpoint, *track = place.split("/")
        yield routed(namespace, endpoint, {**given, **({"track": track[0]} if track else {})})
    for name, labels in world.get("namespaces", {}).items():
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    for name, given in world.get("deviceClasses", {}).items():
        metadata = {"name": name, **({"creationTimestamp": given["created"]} if "created" in given else {})}
        spec = {key: value for key, value in given.items() if key != "created"}
        yield {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": metadata, "spec": spec}
    usual = {"standard": {"metadata": {"annotations": {DEFAULT_CLASS: "true"}}}}
    for name, given in world.get("classes", usual).items():
        metadata = {"name": name, **given.get("metadata", {})}
        yield {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", **given, "metadata": metadata}
    if scaled := world.get("scaled"):
        about = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
        own = {"name": "chat", "namespace": NAMESPACE, **(world.get("endpoint") or {}).get("metadata", {})}
        metadata = {"name": f"keda-hpa-{own['name']}", "namespace": own["namespace"]}
        yield {**about, "metadata": metadata, "status": scaled}
    for name, given in world.get("claims", {}).items():
        metadata = {"name": name, "namespace": NAMESPACE}
        yield {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, **given}


def routed(namespace: str, endpoint: str, given: dict[str, Any]) -> dict[str, Any]:
    """The Service of an endpoint that gateways route to, as the API server serves it."""
    keys = [field.alias or name for name, field in RoutingRecord.model_fields.items()]
    record = RoutingRecord.model_validate({key: given[key] for key in keys if key in given})
    name, port = pods_service(endpoint, record.track), given.get("port", 8000)
    metadata = routed_metadata({"name": name, "namespace": namespace, "labels": {}}, record)
    owner = {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "name": endpoint, "controller": True, "uid": endpoint}
    owned = {**metadata, "ownerReferences": [owner], "creationTimestamp": given.get("created", "2026-11-23T11:00:00Z")}
    spec = {
        "type": "ClusterIP",
        "clusterIP": "None",
        "selector": {ENDPOINT_LABEL: endpoint},
        "ports": [{"name": "http", "port": port, "protocol": "TCP", "targetPort": port}],
    }
    made = {"apiVersion": "v1", "kind": "Service", "metadata": owned, "spec": spec}
    [told] = with_endpoint([made], given.get("phase", "Ready"), given.get("labels", {}))
    return merged(told, given.get("service", {}))


def _labelled(raw: dict[str, Any]) -> dict[str, Any]:
    """A recipe or model with the labels that its hook gives it."""
    model = raw["spec"].get("modelId") if raw["kind"] in {"AIMRecipe", "AIMModel"} else None
    if model is None:
        return raw
    labels = {
        MODEL_LABEL: model_label(model),
        CHECKPOINT_LABEL: model_label(raw["spec"].get("checkpoint") or raw["spec"].get("source") or model),
        **({DRAFT_LABEL: model_label(raw["spec"]["draft"]["repository"])} if raw["spec"].get("draft") else {}),
    }
    return merged(raw, {"metadata": {"labels": labels}})


def related_key(one: dict[str, Any]) -> str:
    """`namespace/name`, or the name of what has no namespace."""
    metadata = one["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else str(metadata["name"])


def reported(state: dict[str, Any]) -> dict[str, str]:
    """The data of the ConfigMap that a cache's Jobs report to."""
    data = {model_key(one["id"], one.get("revision")): json.dumps(one) for one in state.get("models", ())}
    data |= {key: json.dumps(state[key]) for key in ("volume", "cleanup") if key in state}
    found = {newest_key(model_key(one["id"], one.get("revision"))): json.dumps(one) for one in state.get("newest", ())}
    return data | found | state.get("texts", {})


def inspected(reports: list[dict[str, Any]]) -> dict[str, str]:
    """The data of the ConfigMap to which the Jobs report that read a model's files, or look up a digest."""

    def key(one: dict[str, Any]) -> str:
        pair = one["id"], one.get("revision", "main")
        return newest_key(model_key(*pair)) if "checkedAt" in one else inspection_key(*pair)

    return {key(one): json.dumps({"revision": "main", **one}) for one in reports}


def pod(patch: dict[str, Any]) -> dict[str, Any]:
    """A Pod of the endpoint as its kubelet reports it when all is well, but for what a case says of it.

    Its container is the first of `containerStatuses`, and what a case says of that is merged, too.
    """
    long_ago = instant(NOON - timedelta(hours=1))
    conditions = merged({"PodScheduled": "True", "Ready": "True"}, patch.get("conditions", {}))
    container = {"name": "engine", "image": "docker.io/vllm/vllm-openai-rocm:v0.33.0", "ready": True, "started": True}
    usual = {
        "metadata": {
            "name": "chat-5d9c-x2x4z",
            "namespace": "team-a",
            "labels": {ENDPOINT_LABEL: "chat"},
            "creationTimestamp": long_ago,
        },
        "spec": {"nodeName": "mi300x-0", "containers": [{"name": "engine"}]},
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": kind, "lastTransitionTime": long_ago} | ({"status": said} if isinstance(said, str) else said)
                for kind, said in conditions.items()
            ],
            "containerStatuses": [merged(container, patch["container"])] if "container" in patch else [],
        },
    }
    return merged(usual, {key: value for key, value in patch.items() if key not in {"conditions", "container"}})


def node_uses(nodes: dict[str, Any]) -> list[NodeUse]:
    """AIMNodes by name, each with what pods request of it."""
    uses = []
    for one in nodes.values():
        spec = {key: value for key, value in one.items() if key != "requested"}
        uses.append(NodeUse(NodeSpec.model_validate({"usable": True, "summary": "", **spec}), one.get("requested", {})))
    return uses


def pod_events(events: list[Any], now: datetime) -> list[PodEvent]:
    """Events of a Pod, each with `reason` and `message`, and where it matters `at`."""
    return [PodEvent(one["reason"], one["message"], parse_time(one.get("at")) or now) for one in events]


def sync_errors(events: list[Any], now: datetime) -> list[SyncError]:
    """Events SyncError, each as its message, or with `message` and `at`; the newest first."""
    given = ({"message": one} if isinstance(one, str) else one for one in events)
    found = [SyncError(one["message"], parse_time(one.get("at")) or now) for one in given]
    return sorted(found, key=lambda one: one.at, reverse=True)


def traffic(loads: list[float] | str, now: datetime) -> RecordedTraffic:
    """What Prometheus has of an endpoint's requests at once, repeated for three days; a text is what went wrong."""
    if isinstance(loads, str):
        return RecordedTraffic({}, loads)
    periods = 3 * 144
    found = {now.timestamp() - 600 * (periods - at): loads[at % len(loads)] for at in range(periods)} if loads else {}
    return RecordedTraffic(found)


def observation(figures: dict[str, float] | str, now: datetime) -> Observation:
    """What Prometheus said just now."""
    if isinstance(figures, str):
        return Observation(now, {}, figures)
    names = {to_camel(one.name): one.name for one in STATUS_METRICS}
    return Observation(now, {names[key]: value for key, value in figures.items()})
