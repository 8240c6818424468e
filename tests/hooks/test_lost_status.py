"""A status that is lost, in whole or in part, deletes nothing: a hook refuses, or returns all children that there are.

The specs do not change here, so every observed child is still requested. What a sync may leave out is stated below.
"""

import json
from copy import deepcopy

import pytest

from tests.playing import call, complete, first, observed, play
from tests.world import NOON

RECIPES = ["qwen3-32b-mi300x-bf16", "qwen3-0-6b-mi300x-bf16"]
ENDPOINT = {"endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B"}}, "recipes": RECIPES, "inventory": "mi300x"}
OWN_CLAIM = {
    "modelId": "Qwen/Qwen3-32B",
    "replicas": 2,
    "cache": {"enabled": True},
    "scaling": {"maxReplicas": 4},
    "monitoring": {"enabled": True},
    "security": {"serviceAccount": {"create": True}},
    "service": {"route": {"parentRefs": [{"name": "gateway"}]}},
}
CACHED = {"cachedModels": [{"id": "Qwen/Qwen3-32B", "revision": "main", "status": "Ready", "size": "61Gi"}]}
SHARED = {"models": {"spec": {"size": "1Ti", "models": [{"id": "Qwen/Qwen3-32B"}]}, "status": CACHED}}
ROUTE = "HTTPRoute.gateway.networking.k8s.io/v1"
CLEANED = {"size": "1Ti", "models": [{"id": "Qwen/Qwen3-32B"}], "cleanup": {"enabled": True}}
WORLDS = {
    "an endpoint with a claim of its own": (
        "endpoint",
        ENDPOINT | {"endpoint": {"spec": OWN_CLAIM}, "offers": [ROUTE]},
    ),
    "an endpoint on a cache that it found": ("endpoint", ENDPOINT | {"caches": SHARED}),
    "an endpoint on a cache that it names": (
        "endpoint",
        ENDPOINT | {"caches": SHARED, "endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B", "cache": {"name": "models"}}}},
    ),
    "a cache": ("cache", {"cache": {"spec": CLEANED}, "recipes": RECIPES}),
    "a cache whose size follows from its models": (
        "cache",
        {"cache": {"spec": {"models": CLEANED["models"]}}, "recipes": RECIPES},
    ),
}
GARBAGE = ("x", 0, None, [], {"x": {}})
GONE = ("", "AIMInventory")
"""The related objects that are gone besides."""


def steady(kind, world):
    """A request once all is there and ready."""
    played = complete(kind, f"/{kind}/sync", first(kind, f"/{kind}/sync", world), world)
    said = played.answer.said
    owner = {**played.request["parent"], "status": {"observedGeneration": 1, **said["status"]}}
    ready = observed(said["children"], "ready")
    body = {**played.request, "parent": owner, "children": {**played.request["children"], **ready}}
    again = call(kind, f"/{kind}/sync", body, NOON, world)
    return {**body, "parent": {**owner, "status": {"observedGeneration": 1, **again.said["status"]}}}


def places(status, path=()):
    """The paths of all parts of a status; of the entries of a list the first, since the others are like it."""
    yield path
    inner = status.items() if isinstance(status, dict) else enumerate(status[:1]) if isinstance(status, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


def damaged(body, path):
    """The request without a part of its status, and with each kind of garbage there."""
    for garbage in ("removed", *GARBAGE):
        copy = deepcopy(body)
        holder, key = copy["parent"], "status"
        for step in path:
            holder, key = holder[key], step
        if garbage == "removed":
            del holder[key]
        else:
            holder[key] = garbage
        yield garbage, copy


def names(children):
    return {(one["kind"], one["metadata"]["name"]) for one in children}


def may_go(kind, path):
    """Reports and Jobs are of one claim; another uid in the status means that they are of another."""
    return {"ConfigMap", "Job"} if kind == "cache" and path == ("storage", "pvcUid") else set()


@pytest.mark.no_cover  # thousands of syncs
@pytest.mark.parametrize("name", WORLDS)
def test_no_part_of_a_status_is_needed_to_keep_what_is_there(name):
    kind, world = WORLDS[name]
    body = steady(kind, world)
    there = [one for group in body["children"].values() for one in group.values()]
    assert {one["kind"] for one in there} >= {"PersistentVolumeClaim"} or "Deployment" in {one["kind"] for one in there}
    codes = set()
    for gone in GONE:
        related = {key: {} if gone and key.startswith(f"{gone}.") else group for key, group in body["related"].items()}
        for path in places(body["parent"]["status"]):
            for garbage, request in damaged(body | {"related": related}, path):
                code, said = call(kind, f"/{kind}/sync", request, NOON, world)
                codes.add(code)
                left = names(there) - names(said["children"]) if code == 200 else set()
                assert {one for one, _ in left} <= may_go(kind, path), (gone, path, garbage, left)
    assert 200 in codes


@pytest.mark.parametrize("gone", ["AIMInventory", "AIMRecipe"])
def test_without_its_status_an_endpoint_that_cannot_be_selected_for_keeps_each_child_as_it_was_applied(gone):
    body = steady("endpoint", WORLDS["an endpoint with a claim of its own"][1])
    del body["parent"]["status"]
    related = {key: {} if key.startswith(f"{gone}.") else group for key, group in body["related"].items()}
    code, said = call("endpoint", "/endpoint/sync", body | {"related": related}, NOON)
    applied = [
        json.loads(one["metadata"]["annotations"]["metacontroller.k8s.io/last-applied-configuration"])
        for group in body["children"].values()
        for one in group.values()
    ]
    assert (code, sorted(map(json.dumps, said["children"]))) == (200, sorted(map(json.dumps, applied)))
    assert "status.resolved is missing: Deployment chat, Service chat" in said["status"]["message"]
    assert said["status"]["selector"] == "aim.engine.amd.com/endpoint=chat"


def test_an_endpoint_of_which_nothing_is_there_has_no_children_before_something_is_selected():
    answer = play("endpoint", "/endpoint/sync", ENDPOINT | {"inventory": None}).answer
    assert (answer.code, answer.said["children"]) == (200, [])
