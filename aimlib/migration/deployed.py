"""Workloads that people wrote themselves: Deployments, StatefulSets and LeaderWorkerSets, as objects to translate."""

import re
from itertools import chain

from aimlib.api.meta import Raw
from aimlib.data import load_data
from aimlib.errors import InvalidInputError
from aimlib.migration.beside import BESIDE, SCALERS, at, neighbours, selected_by, template_place
from aimlib.migration.forms import as_written
from aimlib.migration.mounted import CLAIM_OF_EACH

SERVER_WORDS = re.compile(r"vllm|sglang|aim-generate|aim-engine|--model(?:-path|=|$)")
"""In the command of a container that serves a model, whatever its image is called."""
NO_SERVER = "it is no model server that is known here, and stays where it is"
FEWEST_OF_KEDA, MOST_OF_KEDA = 0, 100
"""Replicas of a ScaledObject that states none (keda.sh, ScaledObject specification)."""
BEFORE_PODS = frozenset({*SCALERS, "Service"})
"""What is read before the pods; of the rest, how many pods a replica has is known then."""


def serves_models(workload: Raw) -> bool:
    """Whether a container of a workload is a model server, as far as its image, its command and its GPUs tell."""
    return _server(workload) is not None


def as_deployed(found: Raw) -> Raw:
    """A workload and its neighbours by their kinds, what scales it first; InvalidInputError where it serves no model.

    The container of the engine is `containers.0`, and others have their names; labels that only select pods are left
    to the selector, and volumes stand where they are mounted.
    """
    server = _server(found)
    if server is None:
        raise InvalidInputError(NO_SERVER)
    beside = {key: _with_defaults(as_written(one)) for key, one in neighbours(found)}
    first = {key: one for key, one in beside.items() if one["kind"] in BEFORE_PODS}
    return {**first, found["kind"]: _sorted_out(found, server), **beside}


def _sorted_out(found: Raw, server: int) -> Raw:
    """A workload whose templates, of pods and of claims, are as they are told; how many pods a replica has is first."""
    workload = {key: one for key, one in found.items() if key != BESIDE}
    *above, last = template_place(workload)
    around = at(workload, *above)
    claims = {one["metadata"]["name"]: one for one in around.get("volumeClaimTemplates") or ()}
    first_pod = f"{workload['metadata'].get('name')}-0"
    of_each = {
        name: {CLAIM_OF_EACH: {"name": f"{name}-{first_pod}", "spec": one["spec"]}} for name, one in claims.items()
    }
    template, mounted = _sorted_template(around[last], server, of_each, selected_by(found))
    left = {"volumeClaimTemplates": [one for name, one in claims.items() if name not in mounted] or None}
    if workload["kind"] != "LeaderWorkerSet":
        return {**workload, "spec": {**around, **left, last: template}}
    worker = _differing(around["workerTemplate"], around[last]) if last == "leaderTemplate" else None
    group = {"size": 1, **around, **left, "workerTemplate": worker, "leaderTemplate": template}
    return {**workload, "spec": {**workload["spec"], above[-1]: group}}


def _sorted_template(template: Raw, server: int, claimed: Raw, selected: frozenset[str]) -> tuple[Raw, set[str]]:
    """A pod template whose engine comes first, and the names of the volumes that it mounts."""
    pods = template["spec"]
    volumes = {one["name"]: one for one in pods.get("volumes") or ()}
    listed = {**volumes, **claimed}
    engine = dict(pods["containers"][server])
    mounts = engine.pop("volumeMounts", None) or ()
    if mounts:
        engine["volumeMounts"] = {
            str(place): {**one, "volume": listed.get(one["name"], {})} for place, one in enumerate(mounts)
        }
    mounted = {one["name"] for one in mounts}
    rest = {one["name"]: one for place, one in enumerate(pods["containers"]) if place != server}
    left = [one for name, one in volumes.items() if name not in mounted]
    metadata = template.get("metadata") or {}
    labels = {key: one for key, one in (metadata.get("labels") or {}).items() if key not in selected}
    spec = {**pods, "containers": {"0": engine, **rest}, "volumes": left or None}
    stated = {**metadata, "labels": labels or None, "creationTimestamp": None}
    return {"metadata": stated, "spec": spec}, mounted


def _differing(worker: Raw, leader: Raw) -> Raw:
    """What the template of workers states that the leader's does not; its first container is the engine's."""
    spec = worker.get("spec") or {}
    containers = {"0" if place == 0 else one["name"]: one for place, one in enumerate(spec.get("containers") or ())}
    other = {key: one for key, one in spec.items() if key != "volumes" and one != leader["spec"].get(key)}
    return {"spec": {**other, "containers": containers}}


def _with_defaults(neighbour: Raw) -> Raw:
    """A ScaledObject with the bounds that KEDA takes where none are stated."""
    if neighbour["kind"] != "ScaledObject":
        return neighbour
    bounds = {"minReplicaCount": FEWEST_OF_KEDA, "maxReplicaCount": MOST_OF_KEDA}
    return {**neighbour, "spec": {**bounds, **neighbour["spec"]}}


def _server(workload: Raw) -> int | None:
    """Which container is the model server: by its image, else by its command, else by its GPUs."""
    containers = at(workload, *template_place(workload), "spec", "containers")
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
    return any(str(name).endswith("/gpu") for name in at(container, "resources", "limits") or ())
