"""The request of a cache's sync when all is there and endpoints use it."""

import json
from functools import partial

from aimlib.api import API_VERSION
from aimlib.caching.job_reports import VOLUME_KEY, model_key
from aimlib.caching.usage import Use, usage_annotation, usage_labels
from aimlib.config import Config
from aimlib.protocol.observed import DEPLOYMENT, kind_key
from hooks.cache import hook as cache
from hooks.server.app import call_hook
from tests.bench import bodies
from tests.bench.stored import Raw, observed, stored
from tests.controllers import groups

MODELS = ("Qwen/Qwen3-32B", "microsoft/phi-4")
BYTES = 65_000_000_000
PORT = {"name": "http", "port": 8000, "protocol": "TCP", "targetPort": 8000}
SERVED = ("v1", "Service", {"ports": [PORT], "type": "ClusterIP"})
POD = {"containers": [{"name": "engine", "args": [f"--argument-{number}=value" for number in range(200)]}]}
DEPLOYED = ("apps/v1", "Deployment", {"replicas": 1, "template": {"spec": POD}})
"""About as large as the Deployment of an endpoint."""


def cache_steady(users: int) -> Raw:
    """The body as it is once nothing changes any more, with so many endpoints; RuntimeError if that never comes."""
    metadata = {"name": "models", "namespace": "default"}
    spec = {"models": [{"id": model} for model in MODELS], "cleanup": {"enabled": True, "maxAge": "30d"}}
    parent = stored({"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": metadata, "spec": spec})
    recipes = [one for model in MODELS for one in bodies.recipes_of(model)]
    standard = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard"}}
    related = {
        DEPLOYMENT: bodies.by_name([_record(f"qwen-{number}", *DEPLOYED) for number in range(users)]),
        "Service.v1": bodies.by_name([_record(f"qwen-{number}", *SERVED) for number in range(users)]),
        "StorageClass.storage.k8s.io/v1": bodies.by_name([stored(standard)]),
        f"AIMRecipe.{API_VERSION}": bodies.by_name(recipes),
    }
    controller = bodies.controller("cache")
    body: Raw = {"controller": controller, "parent": parent, "children": groups("cache"), "related": related}
    for _ in range(bodies.ROUNDS):
        _, said, code = call_hook(partial(cache.sync, config=Config()), bodies.packed(body), bodies.NOW)
        parent = stored({**body["parent"], "status": {**said.get("status", {}), "observedGeneration": 1}})
        seen = groups("cache")
        for child in said.get("children", ()):
            made = observed(_reported(child), parent)
            seen[kind_key(child)][child["metadata"]["name"]] = made
        if code == 200 and (parent, seen) == (body["parent"], body["children"]):
            return body
        body = {**body, "parent": parent, "children": seen}
    raise RuntimeError(f"the cache does not settle: {code} {said.get('error') or said['status']['message']}")


def _record(endpoint: str, version: str, kind: str, spec: Raw) -> Raw:
    """A child of an endpoint that uses the first model."""
    uses = (Use("models", MODELS[0]),)
    owners = [{"apiVersion": API_VERSION, "kind": "AIMEndpoint", "name": endpoint, "uid": endpoint, "controller": True}]
    said = {"labels": usage_labels(uses), "annotations": usage_annotation(uses), "ownerReferences": owners}
    metadata = {"name": endpoint, "namespace": "default", **said}
    return stored({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})


def _reported(child: Raw) -> Raw:
    """A child; the one that Jobs report to with what they have to say in the end."""
    if child["kind"] != "ConfigMap":
        return child
    whole = {"revision": "main", "state": "Ready", "done": BYTES, "total": BYTES, "cachedAt": "2026-11-23T09:00:00Z"}
    texts = {model_key(model, None): json.dumps({"id": model, **whole}) for model in MODELS}
    volume = {"total": 4 * BYTES, "used": 2 * BYTES, "available": 2 * BYTES}
    return {**child, "data": {**texts, VOLUME_KEY: json.dumps(volume)}}
