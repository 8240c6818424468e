"""A golden case: the world that a request.yaml describes, and the request that Metacontroller would make from it.

The keys of a request.yaml:

body       the request itself, as text or data; nothing else is needed then
endpoint   the parent: `spec`, and where it matters `metadata` and `status` (recipe, node, inventory: likewise)
recipes    AIMRecipes in the cluster: names of files in shared/recipes, or whole objects
inventory  the AIMInventory's status: the name of a file in shared/inventories, or the status itself; there is none
           when it is left out
nodes      AIMNodes by name, for the inventory
caches     AIMCaches of the namespace by name, each with its spec and status
state      what a cache's Jobs have reported: `models`, a list; `volume`; `cleanup`; and `texts` that are no reports
users      what endpoints use of a cache: by endpoint a list of ids, or of [id, revision]
classes    storage classes by name, with what is said of each; standard, the default one, when left out
claims     claims of the namespace by name, that are nobody's children
settings   the operator's settings, where they are not the defaults
now        when the request comes, where that matters
earlier    what was different at an earlier sync, whose status and children are found now; {} when nothing was
observed   how the children of the earlier sync are found: `ready` (the default) or `created`, or by kind:
           `missing`, or an object that is merged into the child
written    what is merged into the status that the earlier sync wrote
pods       the endpoint's Pods, each as what is different about it (`pod` below); asked for as the server does
figures    what Prometheus says of the endpoint: the figures by their names in the status, or what was found instead of
           an answer, as text; asked for as the server does
"""

import hashlib
import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic.alias_generators import to_camel

from aimlib.api import API_VERSION
from aimlib.config import Config
from aimlib.data import Loader
from aimlib.figure_query import FIGURES
from aimlib.hook import Request
from aimlib.instants import written as instant
from aimlib.live_figures import Observation
from aimlib.names import CHECKPOINT_LABEL, MODEL_LABEL, model_label
from aimlib.reports import model_key
from aimlib.usage import Use, usage_annotation, usage_labels
from hooks.app import answer, hooks
from hooks.cache_volume import DEFAULT_CLASS
from hooks.endpoint import figures_wanted
from hooks.observed import LAST_APPLIED, replicas_missing
from hooks.offline import KINDS
from tests.cluster.standin.selector import compile_selector

TESTDATA = Path(__file__).parent / "testdata"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PARENTS = {
    "endpoint": "AIMEndpoint",
    "recipe": "AIMRecipe",
    "node": "Node",
    "inventory": "AIMInventory",
    "cache": "AIMCache",
}
DECORATORS = {"recipe", "node"}
NAMESPACE = "team-a"
OWNED = {"endpoint", "cache"}
"""Kinds whose children a case may find."""
KEYS = ("body", "recipes", "inventory", "nodes", "caches", "state", "users", "classes", "claims")
KEYS += ("settings", "now", "earlier", "observed", "written", "pods", "figures")


class Case(NamedTuple):
    """One folder below testdata/<kind>/<hook>."""

    path: Path

    @property
    def kind(self) -> str:
        return self.path.parts[-3]

    @property
    def hook(self) -> str:
        return f"/{self.kind}/{self.path.parts[-2]}"

    @property
    def world(self) -> dict[str, Any]:
        found = read(self.path / "request.yaml")
        known = {self.kind, *KEYS}
        for key in {**found, **found.get("earlier", {})}:
            if key not in known:
                raise ValueError(f"{self}/request.yaml: unknown key {key}; known are {', '.join(sorted(known))}")
        return found

    @property
    def expected(self) -> Path:
        return self.path / "response.yaml"

    def __str__(self) -> str:
        return "/".join(self.path.parts[-3:])


class Answer(NamedTuple):
    """The HTTP status and the JSON of an answer."""

    code: int
    said: dict[str, Any]


def cases(kind: str = "*", hook: str = "*") -> list[Case]:
    """Every case of the hooks, in the order of their folders."""
    found = (one.parent for one in TESTDATA.glob(f"{kind}/{hook}/*/request.yaml"))
    return [Case(path) for path in sorted(found) if path.parts[-3] in PARENTS]


def read(path: Path) -> Any:
    """What a YAML file has; there are a thousand of them."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506 - it is a safe one


@cache
def _shared(kind: str, name: str) -> str:
    return json.dumps(read(TESTDATA / "shared" / kind / f"{name}.yaml"))


def shared(kind: str, given: Any) -> Any:
    """A fixture by its name, or what was given instead of a name."""
    return json.loads(_shared(kind, given)) if isinstance(given, str) else given


def merged(base: Any, patch: Any) -> Any:
    """`base` with `patch` laid over it; a null takes a key away (RFC 7386)."""
    if not isinstance(patch, dict) or not isinstance(base, dict):
        return patch
    together = base | {key: merged(base.get(key, {}), value) for key, value in patch.items()}
    return {key: value for key, value in together.items() if value is not None}


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
        "inventory": {"name": "cluster"},
    }
    metadata = usual.get(kind, {}) | given.get("metadata", {})
    api = "v1" if kind == "node" else API_VERSION
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
    for name, spec in world.get("nodes", {}).items():
        found.append({"kind": "AIMNode", "metadata": {"name": name}, "spec": spec})
    for name, given in world.get("caches", {}).items():
        metadata = {"name": name, "namespace": NAMESPACE, **given.get("metadata", {})}
        found.append({"kind": "AIMCache", **given, "metadata": metadata})
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
    usual = {"standard": {"metadata": {"annotations": {DEFAULT_CLASS: "true"}}}}
    for name, given in world.get("classes", usual).items():
        metadata = {"name": name, **given.get("metadata", {})}
        yield {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", **given, "metadata": metadata}
    for name, given in world.get("claims", {}).items():
        metadata = {"name": name, "namespace": NAMESPACE}
        yield {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, **given}


def _labelled(raw: dict[str, Any]) -> dict[str, Any]:
    """A recipe with the label that the recipe hook gives it."""
    model = raw["spec"].get("modelId") if raw["kind"] == "AIMRecipe" else None
    if model is None:
        return raw
    labels = {MODEL_LABEL: model_label(model), CHECKPOINT_LABEL: model_label(raw["spec"].get("checkpoint") or model)}
    return merged(raw, {"metadata": {"labels": labels}})


def related(kind: str, owner: dict[str, Any], world: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What Metacontroller sends along: the objects that the customize hook asks for."""
    if kind in DECORATORS:
        return {}
    asked = call(kind, f"/{kind}/customize", {"parent": owner})
    found: dict[str, dict[str, Any]] = {}
    for rule in asked.said.get("relatedResources", ()):
        wanted, selects = KINDS[rule["resource"]], compile_selector(rule.get("labelSelector"))
        found.setdefault(f"{wanted}.{rule['apiVersion']}", {}).update(
            {
                related_key(one): one
                for one in catalogue(world)
                if one["kind"] == wanted
                and one["metadata"]["name"] in rule.get("names", [one["metadata"]["name"]])
                and one["metadata"].get("namespace") == rule.get("namespace")
                and selects(one["metadata"].get("labels", {}))
            }
        )
    return found


def related_key(one: dict[str, Any]) -> str:
    """`namespace/name`, or the name of what has no namespace."""
    metadata = one["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else str(metadata["name"])


def reported(state: dict[str, Any]) -> dict[str, str]:
    """The data of the ConfigMap that a cache's Jobs report to."""
    data = {model_key(one["id"], one.get("revision")): json.dumps(one) for one in state.get("models", ())}
    data |= {key: json.dumps(state[key]) for key in ("volume", "cleanup") if key in state}
    return data | state.get("texts", {})


def pod(patch: dict[str, Any]) -> dict[str, Any]:
    """A Pod of the endpoint as its kubelet reports it when all is well, but for what a case says of it.

    Its container is the first of `containerStatuses`, and what a case says of that is merged, too.
    """
    long_ago = instant(NOON - timedelta(hours=1))
    conditions = merged({"PodScheduled": "True", "Ready": "True"}, patch.get("conditions", {}))
    container = {"name": "engine", "image": "docker.io/vllm/vllm-openai-rocm:v0.33.0", "ready": True, "started": True}
    usual = {
        "metadata": {"name": "chat-5d9c-x2x4z", "creationTimestamp": long_ago},
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


def observation(figures: dict[str, float] | str, now: datetime) -> Observation:
    """What Prometheus said just now."""
    if isinstance(figures, str):
        return Observation(now, {}, figures)
    names = {to_camel(one.name): one.name for one in FIGURES}
    return Observation(now, {names[key]: value for key, value in figures.items()})


def call(kind: str, hook: str, body: Any, now: datetime = NOON, world: dict[str, Any] | None = None) -> Answer:
    """What the server answers; a case's world goes the same way as a request over HTTP, after its headers."""
    names = {"controller": {"metadata": {"name": f"aim{kind}"}}} if isinstance(body, dict) else {}
    text = body if isinstance(body, str) else json.dumps({**names, **body} if isinstance(body, dict) else body)
    settings, pods, figures = ((world or {}).get(key) for key in ("settings", "pods", "figures"))

    def observe(request: Request) -> Request:
        asks = pods is not None and replicas_missing(request)
        measured = figures is not None and figures_wanted(request)
        return request._replace(
            pods=[pod(one) for one in pods or ()] if asks else None,
            figures=observation(figures, request.now) if measured else None,
        )

    _, said, code = answer(hooks(Config.model_validate(settings or {}))[hook], text.encode(), now, observe)
    return Answer(code, said)


def children_key(child: dict[str, Any]) -> str:
    return f"{child['kind']}.{child['apiVersion']}"


def stored(children: list[dict[str, Any]], patches: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Children as they are observed after they were applied, by `Kind.group/version` and `namespace/name`."""
    found: dict[str, dict[str, Any]] = {}
    for child in children:
        group = found.setdefault(children_key(child), {})
        patch = patches.get(f"{child['kind']}/{child['metadata']['name']}", patches.get(child["kind"], {}))
        if patch != "missing":
            metadata = child["metadata"]
            written: dict[str, Any] = {"annotations": {LAST_APPLIED: json.dumps(child)}}
            if child["kind"] == "Deployment":
                written["generation"] = 1
            given = merged(deepcopy(child), {"metadata": written})
            group[f"{metadata['namespace']}/{metadata['name']}"] = versioned(merged(given, patch))
    return found


def ready(child: dict[str, Any]) -> dict[str, Any]:
    """The status of a child when all is well."""
    if child["kind"] == "PersistentVolumeClaim":
        return {"status": {"phase": "Bound"}}
    if child["kind"] != "Deployment":
        return {}
    count = child["spec"]["replicas"]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count)
    return {"status": {"observedGeneration": 1, **(counts if count else {})}}


def observed(children: list[dict[str, Any]], how: Any) -> dict[str, dict[str, Any]]:
    """Children in the state that a case describes."""
    by_kind = how if isinstance(how, dict) else {}
    base = {} if how == "created" else {child["kind"]: ready(child) for child in children}
    return stored(children, base | by_kind)


class Play(NamedTuple):
    """A case that was played: its request, and the answer."""

    request: Any
    now: datetime
    answer: Answer


def play(kind: str, hook: str, world: dict[str, Any]) -> Play:
    """Make the request of a world, after its earlier one if it has one, and call the hook."""
    now = world.get("now", NOON)
    if "body" in world:
        return Play(world["body"], now, call(kind, hook, world["body"], now, world))
    owner = parent(kind, world)
    if hook.endswith("/customize"):
        body = {"parent": owner}
        return Play(body, now, call(kind, hook, body, now, world))
    if kind in DECORATORS:
        body = {"object": owner, "attachments": {}, "related": {}, "finalizing": False}
        return Play(body, now, call(kind, hook, body, now, world))
    body = {"parent": owner, "children": {}, "related": related(kind, owner, world), "finalizing": False}
    if kind in OWNED and {"earlier", "observed", "state"} & world.keys():
        before = {
            key: value for key, value in world.items() if key not in {"earlier", "observed", "state", "pods", "figures"}
        }
        past = {"now": now - timedelta(hours=1), **world.get("earlier", {})}
        past[kind] = merged(world[kind], past.get(kind, {}))
        said = play(kind, hook, before | past).answer.said
        generation = past[kind].get("metadata", {}).get("generation", 1)
        same = past[kind] == world[kind]
        status = merged({"observedGeneration": generation, **said["status"]}, world.get("written", {}))
        body["parent"] = {**dated(owner, past["now"], past["now"] if same else now), "status": status}
        body["children"] = observed(said["children"], world.get("observed", "ready"))
        for one in body["children"].get("ConfigMap.v1", {}).values() if kind == "cache" else ():
            one["data"] = reported(world.get("state", {}))
    elif kind in OWNED:
        body["parent"] = dated(owner, now, now)
    return Play(body, now, call(kind, hook, body, now, world))


def lasting(child: dict[str, Any], desired: list[dict[str, Any]]) -> dict[str, Any]:
    """What others wrote on a child, which it keeps when it is applied once more; a new spec is a new generation."""
    going = {key: value for key, value in child["metadata"].items() if key == "deletionTimestamp"}
    kept = {"metadata": going, "status": child.get("status"), "data": child.get("data")}
    if child["kind"] == "PersistentVolumeClaim":
        kept["spec"] = {key: value for key, value in child["spec"].items() if key == "storageClassName"}
    if child["kind"] == "Service":
        kept["spec"] = {"ports": child["spec"]["ports"]}
    if child["kind"] == "Deployment":
        applied = json.loads(child["metadata"].get("annotations", {}).get(LAST_APPLIED, "null"))
        same = applied is None or applied in desired
        kept["metadata"] = {"generation": child["metadata"]["generation"] + (not same)}
    return kept


def again(kind: str, hook: str, played: Play, world: dict[str, Any]) -> Play:
    """The next sync once an answer was applied: its status written, its children there unless the case lacks them."""
    said, request = played.answer.said, played.request
    now = played.now + timedelta(seconds=1)
    if kind in DECORATORS:
        owner = merged(request["object"], {"metadata": {"labels": said.get("labels", {})}})
        groups: dict[str, Any] = {
            children_key(child): {child["metadata"]["name"]: child} for child in said["attachments"]
        }
        written = {"status": said["status"]} if "status" in said else {}
        body = {**request, "object": owner | written, "attachments": groups}
    else:
        generation = request["parent"]["metadata"].get("generation", 1)
        owner = {**request["parent"], "status": {"observedGeneration": generation, **said["status"]}}
        seen = [one for group in request.get("children", {}).values() for one in group.values()]
        how = world.get("observed")
        gone = {one: "missing" for one, patch in how.items() if patch == "missing"} if isinstance(how, dict) else {}
        kept = {f"{one['kind']}/{one['metadata']['name']}": lasting(one, said["children"]) for one in seen}
        body = {**request, "parent": owner, "children": stored(said["children"], kept | gone)}
    return Play(body, now, call(kind, hook, body, now, world))
