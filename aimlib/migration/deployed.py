"""Deployments that people wrote themselves: each with its Service and what scales it, as one object to translate."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from aimlib.api.meta import Raw
from aimlib.data import load_data
from aimlib.diagnosis.secret_patterns import hide_secrets
from aimlib.errors import InvalidInputError
from aimlib.migration.draft import Part
from aimlib.migration.forms import as_written
from aimlib.printable import printable

SCALERS = ("ScaledObject", "HorizontalPodAutoscaler")
RANKS = {kind: place for place, kind in enumerate((*SCALERS, "Service"))}
SERVER_WORDS = re.compile(r"vllm|sglang|aim-generate|aim-engine|--model(?:-path|=|$)")
"""In the command of a container that serves a model, whatever its image is called."""
NO_SERVER = "it is no model server that is known here, and stays where it is"
BESIDE = "beside"
"""The key of a Deployment below which its neighbours are, until it is translated."""
FEWEST_OF_KEDA, MOST_OF_KEDA = 0, 100
"""Replicas of a ScaledObject that states none (keda.sh, ScaledObject specification)."""


def with_neighbours(found: Iterable[Raw]) -> tuple[list[Raw], list[Raw]]:
    """The Deployments among objects, each with its Service and autoscaler, and the objects that belong to none."""
    others = [one for one in found if one.get("kind") != "Deployment"]
    deployments = [{BESIDE: [], **one} for one in found if one.get("kind") == "Deployment"]
    rest = []
    for one in others:
        owner = next((deployment for deployment in deployments if _is_beside(one, deployment)), None)
        if owner is None:
            rest.append(one)
        else:
            owner[BESIDE] = [*owner[BESIDE], one]
    return deployments, rest


def parts_of_others(others: Iterable[Raw]) -> Iterator[Part]:
    """What becomes of objects that stand beside Deployments in a file, by their kind; their contents are not shown."""
    rows = load_data("migration")["neighbours"]
    for one in others:
        kind = str(one.get("kind"))
        row = rows.get(kind, {"outcome": "dropped", "why": "it has no counterpart"})
        title = f"{kind} {_at(one, 'metadata', 'name') or ''}".strip()
        yield Part(hide_secrets(printable(title)), row["outcome"], row["why"])


def serves_models(deployment: Raw) -> bool:
    """Whether a container of a Deployment is a model server, as far as its image, its command and its GPUs tell."""
    return _server(deployment) is not None


def as_deployed(found: Raw) -> Raw:
    """A Deployment and its neighbours by their kinds, what scales it first; InvalidInputError where it serves no model.

    The container of the engine is `containers.0`, and others have their names; labels that only select pods are left
    to the selector, and volumes stand where they are mounted.
    """
    server = _server(found)
    if server is None:
        raise InvalidInputError(NO_SERVER)
    beside = sorted(found.get(BESIDE) or (), key=lambda one: _rank(one, found))
    kept: Raw = {}
    for one in beside:
        kind = one["kind"]
        again = kind in kept or (kind in SCALERS and not kept.keys().isdisjoint(SCALERS))
        kept[f"{kind} {one['metadata']['name']}" if again else kind] = _with_defaults(as_written(one))
    return {**kept, "Deployment": _sorted_out({key: one for key, one in found.items() if key != BESIDE}, server)}


def _sorted_out(deployment: Raw, server: int) -> Raw:
    template = deployment["spec"]["template"]
    pods = template["spec"]
    volumes = {one["name"]: one for one in pods.get("volumes") or ()}
    engine = dict(pods["containers"][server])
    mounts = engine.get("volumeMounts") or ()
    if mounts:
        engine["volumeMounts"] = {
            str(place): {**one, "volume": volumes.pop(one["name"], {})} for place, one in enumerate(mounts)
        }
    rest = {one["name"]: one for place, one in enumerate(pods["containers"]) if place != server}
    selected = _at(deployment, "spec", "selector", "matchLabels") or {}
    metadata = template.get("metadata") or {}
    labels = {key: one for key, one in (metadata.get("labels") or {}).items() if key not in selected}
    spec = {**pods, "containers": {"0": engine, **rest}, "volumes": [*volumes.values()] or None}
    stated = {**metadata, "labels": labels or None, "creationTimestamp": None}
    return {**deployment, "spec": {**deployment["spec"], "template": {"metadata": stated, "spec": spec}}}


def _with_defaults(neighbour: Raw) -> Raw:
    """A ScaledObject with the bounds that KEDA takes where none are stated."""
    if neighbour["kind"] != "ScaledObject":
        return neighbour
    bounds = {"minReplicaCount": FEWEST_OF_KEDA, "maxReplicaCount": MOST_OF_KEDA}
    return {**neighbour, "spec": {**bounds, **neighbour["spec"]}}


def _rank(one: Raw, deployment: Raw) -> tuple[int, bool, str]:
    """The place among neighbours: what scales first, and of several Services that of the Deployment's own name."""
    name = str(one["metadata"]["name"])
    return RANKS[one["kind"]], name != _at(deployment, "metadata", "name"), name


def _is_beside(one: Raw, deployment: Raw) -> bool:
    spec, name = one.get("spec"), _at(deployment, "metadata", "name")
    if not isinstance(spec, dict) or not name or not _at(one, "metadata", "name") or _place(one) != _place(deployment):
        return False
    if one.get("kind") == "Service":
        selector = spec.get("selector")
        labels = _at(deployment, "spec", "template", "metadata", "labels")
        if not selector or not isinstance(selector, dict) or not isinstance(labels, dict):
            return False
        return selector.items() <= labels.items()
    scaled = _at(spec, "scaleTargetRef", "name") == name and one.get("kind") in SCALERS
    return scaled and (_at(spec, "scaleTargetRef", "kind") or "Deployment") == "Deployment"


def _place(one: Raw) -> str:
    return str(_at(one, "metadata", "namespace") or "")


def _server(deployment: Raw) -> int | None:
    """Which container is the model server: by its image, else by its command, else by its GPUs."""
    containers = _at(deployment, "spec", "template", "spec", "containers")
    if not isinstance(containers, list) or not all(isinstance(one, dict) and "name" in one for one in containers):
        return None
    for tells in (_has_known_image, _has_known_command, _has_gpus):
        for place, one in enumerate(containers):
            if tells(one):
                return place
    return None


def _has_known_image(container: Raw) -> bool:
    images = load_data("migration")["images"]
    return any(re.search(row["found"], str(container.get("image"))) for row in images)


def _has_known_command(container: Raw) -> bool:
    words = (container.get("command"), container.get("args"))
    return any(SERVER_WORDS.search(str(word)) for word in chain(*(one for one in words if isinstance(one, list))))


def _has_gpus(container: Raw) -> bool:
    return any(str(name).endswith("/gpu") for name in _at(container, "resources", "limits") or ())


def _at(found: Any, *keys: str) -> Any:  # noqa: ANN401 - JSON
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found
