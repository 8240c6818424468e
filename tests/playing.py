"""Golden cases played: the request that Metacontroller would make, the answer, and the one after that was applied."""

import json
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from aimlib.config import Config
from aimlib.diagnosis.container_ends import EngineLog
from aimlib.diagnosis.engine_errors import Findings, examine
from aimlib.diagnosis.pod_failures import ended_container, queued_pod
from aimlib.diagnosis.preparation import not_prepared, preparing_pod
from aimlib.kube.server_kinds import is_server
from aimlib.protocol.last_applied import LAST_APPLIED, last_applied
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observations import (
    CATALOGUE_NAMES,
    ENGINE_LOG,
    LIVE_METRICS,
    NODE_USES,
    NOT_PREPARED,
    PODS,
    QUEUE_WORDS,
    SYNC_ERRORS,
    TRACK_FIGURES,
    TRAFFIC,
    CatalogueNames,
)
from aimlib.protocol.observed import kind_key, pods_matter, servers
from hooks.cache import volume
from hooks.endpoint import pending_children
from hooks.endpoint.free_capacity import is_decided_anew
from hooks.endpoint.world import is_unknown, live_metrics_requested, traffic_due, tries_version
from hooks.gateway import status as gateway_status
from hooks.planning.simulate import KIND_BY_RESOURCE
from hooks.server.app import call_hook, hooks
from tests.cases import merged
from tests.cluster.standin.selector import compile_selector
from tests.controllers import groups
from tests.files import TESTDATA
from tests.world import (
    NOON,
    catalogue,
    dated,
    inspected,
    node_uses,
    observation,
    parent,
    pod,
    pod_events,
    related_key,
    reported,
    sync_errors,
    traffic,
    versioned,
)

DECORATORS = {"recipe", "model", "node", "slice"}
ASKING = {"model", "slice"}
"""Those of them that have a customize hook."""
ANSWERS_MATTER = {
    "endpoint": pending_children.answers_matter,
    "cache": volume.claim_answer_matters,
    "gateway": gateway_status.gateway_answers_matter,
}
"""When the server reads Events of a parent."""
OWNED = {"endpoint", "cache", "gateway"}
"""Kinds whose children a case may find."""


class Answer(NamedTuple):
    """The HTTP status and the JSON of an answer."""

    code: int
    said: dict[str, Any]


def with_pods(request: Request, pods: list[dict[str, Any]], world: dict[str, Any]) -> Request:
    """A request with the Pods, and with what the observers that go by them read."""
    request = request.with_observation(PODS, pods)
    if "queue" in world and queued_pod(pods, request.now):
        request = request.with_observation(QUEUE_WORDS, world["queue"])
    if "told" in world and (waits := preparing_pod(pods, request.now)):
        told = not_prepared(waits, pod_events(world["told"], request.now), request.now)
        request = request.with_observation(NOT_PREPARED, told) if told else request
    if "log" in world and (end := ended_container(pods, request.now)):
        request = request.with_observation(ENGINE_LOG, EngineLog(end.attempt, read_log(world["log"])))
    return request


def call(kind: str, hook: str, body: Any, now: datetime = NOON, world: dict[str, Any] | None = None) -> Answer:
    """What the server answers; a case's world goes the same way as a request over HTTP, after its headers."""
    names = {"controller": {"metadata": {"name": f"aim{kind}"}}} if isinstance(body, dict) else {}
    text = body if isinstance(body, str) else json.dumps({**names, **body} if isinstance(body, dict) else body)
    settings, pods, figures = ((world or {}).get(key) for key in ("settings", "pods", "figures"))

    def observe(request: Request) -> Request:
        request = with_refusals(kind, request, world or {})
        if pods is not None and pods_matter(servers(request.children), request.parent.get("status") or {}):
            request = with_pods(request, [pod(one) for one in pods], world or {})
        if kind == "endpoint" and is_unknown(request) and not (world or {}).get("unobserved"):
            listed = catalogue(world or {})
            found_names = ([one for one in listed if one["kind"] == name] for name in ("AIMRecipe", "AIMModel"))
            request = request.with_observation(CATALOGUE_NAMES, CatalogueNames(*found_names))
        if figures is not None and live_metrics_requested(request):
            request = request.with_observation(LIVE_METRICS, observation(figures, request.now))
        if "tracks" in (world or {}) and tries_version(request):
            request = request.with_observation(TRACK_FIGURES, (world or {})["tracks"])
        if "free" in (world or {}) and is_decided_anew(request):
            request = request.with_observation(NODE_USES, node_uses((world or {})["free"]))
        if "traffic" in (world or {}) and traffic_due(request):
            request = request.with_observation(TRAFFIC, traffic((world or {})["traffic"], request.now))
        return request

    _, said, code = call_hook(hooks(Config.model_validate(settings or {}))[hook], text.encode(), now, observe)
    return Answer(code, said)


def with_refusals(kind: str, request: Request, world: dict[str, Any]) -> Request:
    """The request with the Events that the server reads where children are given up."""
    if "refused" not in world or not ANSWERS_MATTER[kind](request):
        return request
    return request.with_observation(SYNC_ERRORS, sync_errors(world["refused"], request.now))


def read_log(log: str | None) -> Findings | None:
    """What a log has, that a case names or quotes."""
    path = TESTDATA / "engine-logs" / f"{log}.log"
    named = log is not None and "\n" not in log and path.exists()
    return None if log is None else examine(path.read_text(encoding="utf-8") if named else log)


def related(kind: str, owner: dict[str, Any], world: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What Metacontroller sends along: the objects that the customize hook asks for."""
    if kind in DECORATORS - ASKING:
        return {}
    asked = call(kind, f"/{kind}/customize", {"parent": owner})
    found: dict[str, dict[str, Any]] = {}
    for rule in asked.said.get("relatedResources", ()):
        wanted, selects = KIND_BY_RESOURCE[rule["resource"]], compile_selector(rule.get("labelSelector"))
        found.setdefault(f"{wanted}.{rule['apiVersion']}", {}).update(
            {
                related_key(one): one
                for one in catalogue(world)
                if one["kind"] == wanted
                and one["metadata"]["name"] in rule.get("names", [one["metadata"]["name"]])
                and one["metadata"].get("namespace") == rule.get("namespace", one["metadata"].get("namespace"))
                and selects(one["metadata"].get("labels", {}))
            }
        )
    return found


def stored(children: list[dict[str, Any]], patches: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Children as they are observed after they were applied, by `Kind.group/version` and `namespace/name`."""
    found: dict[str, dict[str, Any]] = {}
    for child in children:
        group = found.setdefault(kind_key(child), {})
        patch = patches.get(f"{child['kind']}/{child['metadata']['name']}", patches.get(child["kind"], {}))
        if patch != "missing":
            metadata = child["metadata"]
            written: dict[str, Any] = {"annotations": {LAST_APPLIED: json.dumps(child)}}
            if is_server(child):
                written["generation"] = 1
            given = merged(deepcopy(child), {"metadata": written})
            group[f"{metadata['namespace']}/{metadata['name']}"] = versioned(merged(given, patch))
    return found


def ready(child: dict[str, Any]) -> dict[str, Any]:
    """The status of a child when all is well."""
    if child["kind"] == "PersistentVolumeClaim":
        return {"status": {"phase": "Bound"}}
    if not is_server(child):
        return {}
    count = child["spec"]["replicas"]
    counted = (
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        *("availableReplicas",) * (child["kind"] == "Deployment"),
    )
    counts = dict.fromkeys(counted, count)
    return {"status": {"observedGeneration": 1, **(counts if count else {})}}


def observed(children: list[dict[str, Any]], how: Any) -> dict[str, dict[str, Any]]:
    """Children in the state that a case describes."""
    by_kind = how if isinstance(how, dict) else {}
    named = {
        f"{child['kind']}/{child['metadata']['name']}": child for child in children if child["kind"] not in by_kind
    }
    base = {} if how == "created" else {name: ready(child) for name, child in named.items()}
    return stored(children, base | by_kind)


def with_slices(world: dict[str, Any]) -> dict[str, Any]:
    """A world with the AIMNodes that the hook of slices makes of its ResourceSlices."""
    nodes = dict(world.get("nodes", {}))
    for name, spec in world.get("resourceSlices", {}).items():
        [made] = made_by(
            play("slice", "/slice/sync", {**world, "slice": {"metadata": {"name": name}, "spec": spec}}).answer
        )
        nodes[made["metadata"]["name"]] = made["spec"]
    return {**world, "nodes": nodes}


BEGINNING = OWNED | {"model"}
"""Kinds of which some children wait for others."""
SEEN = ("pods", "figures", "tracks", "traffic", "free", "refused")
"""Keys of what observers see now."""
LATER = ("earlier", "observed", "state", "inspected", "stale")
"""Keys of a world that is found as an earlier sync left it."""


def made_by(answer: Answer) -> list[dict[str, Any]]:
    """The children of an answer, or its attachments."""
    found: list[dict[str, Any]] = answer.said.get("children", answer.said.get("attachments"))
    return found


class Play(NamedTuple):
    """A case that was played: its request, and the answer."""

    request: Any
    now: datetime
    answer: Answer


def play(kind: str, hook: str, world: dict[str, Any]) -> Play:
    """Play a world; one that begins is played until all children are there, since some wait for others."""
    played = first(kind, hook, world)
    begins = kind in BEGINNING and hook.endswith("/sync") and not {"syncs", *LATER} & world.keys()
    return complete(kind, hook, played, world) if begins and played.answer.code == 200 else played


def complete(kind: str, hook: str, played: Play, world: dict[str, Any]) -> Play:
    """The last of the syncs that follow, as long as each has more children than the one before."""
    following = again(kind, hook, played, world)
    grown = len(made_by(following.answer)) > len(made_by(played.answer))
    return complete(kind, hook, following, world) if grown else played


def first(kind: str, hook: str, world: dict[str, Any]) -> Play:
    """Make the request of a world, after its earlier one if it has one, and call the hook."""
    now = world.get("now", NOON)
    if "body" in world:
        return Play(world["body"], now, call(kind, hook, world["body"], now, world))
    owner, offers = parent(kind, world), world.get("offers", ())
    world = with_slices(world) if kind == "inventory" else world
    if hook.endswith("/customize"):
        body = {"parent": owner}
        return Play(body, now, call(kind, hook, body, now, world))
    found = related(kind, owner, world)
    names = ("object", "attachments") if kind in DECORATORS else ("parent", "children")
    body = {names[0]: owner, names[1]: groups(kind, offers), "related": found, "finalizing": False}
    if kind in BEGINNING and {*LATER} & world.keys():
        before = {key: value for key, value in world.items() if key not in {*LATER, *SEEN}}
        past = {"now": now - timedelta(hours=1), **world.get("earlier", {})}
        past[kind] = merged(world[kind], past.get(kind, {}))
        past_play = play(kind, hook, before | past)
        answer = past_play.answer
        said = answer.said
        generation = past[kind].get("metadata", {}).get("generation", 1)
        same = past[kind] == world[kind]
        status = merged({"observedGeneration": generation, **said["status"]}, world.get("written", {}))
        if world.get("stale"):
            status = past_play.request[names[0]]["status"]
        body[names[0]] = {**dated(owner, past["now"], past["now"] if same else now), "status": status}
        body[names[1]] = groups(kind, offers, observed(made_by(answer), world.get("observed", "ready")))
        for one in body[names[1]].get("ConfigMap.v1", {}).values():
            if kind == "cache":
                one["data"] = reported(world.get("state", {}))
            elif one["metadata"]["name"].endswith("-inspection"):
                one["data"] = inspected(world.get("inspected", ()))
    elif kind in OWNED:
        body["parent"] = dated(owner, now, now)
    return Play(body, now, call(kind, hook, body, now, world))


LASTING = frozenset({"deletionTimestamp", "generation", "managedFields"})
"""Metadata of a child that is not what is desired."""


def lasting(child: dict[str, Any], desired: list[dict[str, Any]]) -> dict[str, Any]:
    """What others wrote on a child, which it keeps when it is applied once more; a new spec is a new generation."""
    going = {key: value for key, value in child["metadata"].items() if key in LASTING}
    own = {LAST_APPLIED, *((last_applied(child) or {}).get("metadata", {}).get("annotations") or ())}
    notes = {key: value for key, value in (child["metadata"].get("annotations") or {}).items() if key not in own}
    going |= {"annotations": notes} if notes else {}
    kept = {"metadata": going, "status": child.get("status"), "data": child.get("data")}
    if child["kind"] == "PersistentVolumeClaim":
        kept["spec"] = {key: value for key, value in child["spec"].items() if key == "storageClassName"}
    if child["kind"] == "Service":
        kept["spec"] = {"ports": child["spec"]["ports"]}
    if is_server(child):
        applied = last_applied(child)
        specs = [one["spec"] for one in desired if one["kind"] == child["kind"]]
        same = applied is None or applied["spec"] in specs
        kept["metadata"] = {**going, "generation": child["metadata"]["generation"] + (not same)}
    return kept


def again(kind: str, hook: str, played: Play, world: dict[str, Any]) -> Play:
    """The next sync once an answer was applied: its status written, its children there unless the case lacks them."""
    said, request = played.answer.said, played.request
    offers = world.get("offers", ())
    now = played.now + timedelta(seconds=1)
    if kind == "model":
        owner = {**request["object"], "status": said["status"]}
        seen = [one for group in request["attachments"].values() for one in group.values()]
        kept = {f"{one['kind']}/{one['metadata']['name']}": lasting(one, said["attachments"]) for one in seen}
        body = {**request, "object": owner, "attachments": groups(kind, offers, stored(said["attachments"], kept))}
    elif kind in DECORATORS:
        owner = merged(request["object"], {"metadata": {"labels": said.get("labels", {})}})
        made = {kind_key(child): {child["metadata"]["name"]: child} for child in said["attachments"]}
        written = {"status": said["status"]} if "status" in said else {}
        body = {**request, "object": owner | written, "attachments": groups(kind, offers, made)}
    else:
        generation = request["parent"]["metadata"].get("generation", 1)
        owner = {**request["parent"], "status": {"observedGeneration": generation, **said["status"]}}
        seen = [one for group in request.get("children", {}).values() for one in group.values()]
        how = world.get("observed")
        gone = {one: "missing" for one, patch in how.items() if patch == "missing"} if isinstance(how, dict) else {}
        kept = {f"{one['kind']}/{one['metadata']['name']}": lasting(one, said["children"]) for one in seen}
        body = {**request, "parent": owner, "children": groups(kind, offers, stored(said["children"], kept | gone))}
    return Play(body, now, call(kind, hook, body, now, world))
