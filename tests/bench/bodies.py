"""Requests as Metacontroller sends them, built with this project's own hooks, recipes and nodes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from aimlib.api import API_VERSION
from aimlib.config import Config
from aimlib.data import YamlLoader
from aimlib.protocol.metacontroller import parse_request
from hooks import inventory, node, recipe
from hooks.endpoint import hook as endpoint
from hooks.endpoint.world import STORAGE_CLASSES
from hooks.server.app import call_hook
from tests.bench.stored import MOMENT, Raw, applied, observed, stored
from tests.cluster.controlplane import HERE, ROOT
from tests.controllers import groups

RECORDINGS = ROOT / "tests" / "testdata" / "recordings"
NODES = ("mi300x", "mi325x", "cpu")
NOW = datetime.fromisoformat(MOMENT).astimezone(UTC)
ROUNDS = 5
"""Syncs after which an endpoint must have settled; four are needed."""


@cache
def controller(name: str) -> Raw:
    """A controller object, which Metacontroller puts into each request."""
    return stored(next(documents(ROOT / "metacontroller" / f"{name}.yaml")))


def packed(body: Any) -> bytes:
    """JSON as Go writes it: without spaces."""
    return json.dumps(body, separators=(",", ":")).encode()


def documents(*paths: Path) -> Iterator[Raw]:
    """The objects in YAML files."""
    for path in paths:
        yield from yaml.load_all(path.read_bytes(), YamlLoader)


@cache
def catalogue() -> tuple[Raw, ...]:
    """The shipped recipes as a cluster has them: labelled, with status."""
    files = sorted(path for path in (ROOT / "recipes").glob("*.yaml") if path.name != "kustomization.yaml")
    return tuple(_decorated(raw) for raw in documents(*files))


def _decorated(raw: Raw) -> Raw:
    said = recipe.sync(parse_request({"object": stored(raw)}))
    return stored({**raw, "metadata": {**raw["metadata"], "labels": said["labels"]}, "status": said["status"]})


def recipes_of(model: str) -> list[Raw]:
    return [one for one in catalogue() if one["spec"]["modelId"] == model]


@cache
def nodes() -> tuple[Raw, ...]:
    """Simulated nodes of several kinds, one of each."""
    firsts = [next(documents(HERE / "nodes" / f"{name}.yaml")) for name in NODES]
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    return tuple({**one, "status": {**one["status"], **ready}} for one in firsts)


def facts(count: int) -> list[Raw]:
    """AIMNodes of a fleet of so many nodes, products taking turns."""
    answers = [node.sync(parse_request({"object": one}))["attachments"][0] for one in nodes()]
    turns = (answers[number % len(answers)] for number in range(count))
    return [
        stored({**one, "metadata": {"name": f"node-{number:05d}"}}, {"spec": "metacontroller"})
        for number, one in enumerate(turns)
    ]


def by_name(objects: list[Raw]) -> Raw:
    return {one["metadata"]["name"]: one for one in objects}


def inventory_sync(count: int) -> Raw:
    """The body of an inventory sync over so many nodes, as it is once the status is written."""
    related = {f"AIMNode.{API_VERSION}": by_name(facts(count))}
    parent = {"apiVersion": API_VERSION, "kind": "AIMInventory", "metadata": {"name": "cluster"}, "spec": {}}
    said = inventory.sync(parse_request({"parent": parent, "related": related}))
    filled = stored({**parent, "status": said["status"]})
    return {"controller": controller("inventory"), "parent": filled, "children": {}, "related": related}


def endpoint_first(name: str, model: str, fleet: int = len(NODES)) -> Raw:
    """The body of an endpoint's first sync on so many nodes: every child kind is a key, empty."""
    spec = {"modelId": model, "gpuCount": 1, "cache": {"enabled": True, "size": "80Gi"}}
    metadata = {"name": name, "namespace": "default"}
    parent = stored({"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": metadata, "spec": spec})
    related = {
        f"AIMInventory.{API_VERSION}": {"cluster": inventory_sync(fleet)["parent"]},
        f"AIMRecipe.{API_VERSION}": by_name(recipes_of(model)),
        STORAGE_CLASSES: {},
    }
    return {"controller": controller("endpoint"), "parent": parent, "children": groups("endpoint"), "related": related}


def endpoint_steady(name: str, model: str, fleet: int = len(NODES)) -> Raw:
    """The body of an endpoint's sync when it is Ready and stays so; RuntimeError if that never comes."""
    body = endpoint_first(name, model, fleet)
    sync = partial(endpoint.sync, config=Config())
    for _ in range(ROUNDS):
        _, said, code = call_hook(sync, packed(body), NOW)
        parent = stored({**body["parent"], "status": {**said.get("status", {}), "observedGeneration": 1}})
        seen = groups("endpoint")
        for child in said.get("children", ()):
            seen[f"{child['kind']}.{child['apiVersion']}"][f"default/{child['metadata']['name']}"] = observed(
                child, parent
            )
        if code == 200 and (parent, seen) == (body["parent"], body["children"]):
            return body
        body = {**body, "parent": parent, "children": seen}
    raise RuntimeError(
        f"the endpoint of {model} does not settle: {code} {said.get('error') or said['status']['message']}"
    )


class Life(NamedTuple):
    """What an endpoint comes to in a cluster, in the order of the writes."""

    parent: Raw
    chosen: Raw
    """Its status after the first sync."""
    children: list[Raw]
    """As Metacontroller writes them."""
    ready: Raw
    """Its status in the end."""


def life(name: str, model: str) -> Life:
    """The life of one endpoint from nothing to Ready, on nodes like the first of NODES."""
    first, last = endpoint_first(name, model, 1), endpoint_steady(name, model, 1)
    sync = partial(endpoint.sync, config=Config())
    (_, said, _), (_, complete, _) = (call_hook(sync, packed(body), NOW) for body in (first, last))
    children = [applied(child, first["parent"]) for child in complete["children"]]
    return Life(first["parent"], said["status"], children, last["parent"]["status"])


def recorded(name: str) -> Raw:
    """The body of a request that the real Metacontroller sent."""
    return json.loads((RECORDINGS / f"{name}.json").read_text())
