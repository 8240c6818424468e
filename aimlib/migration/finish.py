"""Makes objects of a draft: an endpoint, and the cache that it needs."""

import re
from collections.abc import Sequence

from aimlib.api import API_VERSION
from aimlib.api.formats import MODEL_ID
from aimlib.api.meta import Raw
from aimlib.errors import InvalidInputError
from aimlib.migration.adapters import adapter_spec, finish_adapters
from aimlib.migration.draft import NO_SOURCE, RECIPE_NODES, Draft, FoundAdapter, Translation
from aimlib.migration.engine_arguments import read_arguments
from aimlib.migration.listed import unlisted
from aimlib.migration.shell import is_unstated
from aimlib.naming import endpoint_name
from aimlib.schema.validation import validate_object

OF_A_CLAIM = ("size", "storageClass", "accessMode")
"""What is stated of a claim, by an endpoint for its own and by an AIMCache."""


def finish(draft: Draft) -> Translation:
    """The endpoint, with the cache that it needs. InvalidInputError where there is no model, or nothing valid."""
    read_arguments(draft)
    _read_nodes(draft)
    model = draft.answers.model or draft.model
    if not model or not re.fullmatch(MODEL_ID.pattern, model):
        raise InvalidInputError(
            f"{_without(draft, model)}: state the id that clients request, such as --model Qwen/Qwen3-32B"
        )
    name = endpoint_name(draft.answers.name or draft.name or model)
    spec: Raw = {"modelId": model, **_gpus(draft), **draft.spec}
    if names := [one for one in dict.fromkeys(draft.names) if one != model]:
        spec["routing"] = {"names": names}
    adapters = finish_adapters(draft, model)
    caches: list[Raw] = []
    mounted = {"imageVolume": draft.images} if draft.source.startswith("oci://") and draft.images is not None else {}
    if mounted or (draft.source.startswith("pvc://") and not adapters):
        spec = {"model": {"id": spec.pop("modelId"), "source": draft.source, **mounted}, **spec}
    elif draft.source or adapters:
        caches = [_object(draft, "AIMCache", f"{name}-files", _cache(draft, model, adapters))]
        spec["cache"] = {"name": f"{name}-files"}
        spec |= {"adapters": adapter_spec(draft, adapters)} if adapters else {}
    if cache := spec.get("cache"):
        spec["cache"] = _of_effect(draft, cache)
        spec = spec if spec["cache"] else {key: one for key, one in spec.items() if key != "cache"}
    objects = (*caches, _object(draft, "AIMEndpoint", name, spec))
    findings = [f"{one['kind']}: {found}" for one in objects for found in validate_object(one, one["kind"])[1]]
    if findings:
        raise InvalidInputError("\n".join(findings))
    for kind, (taken, text) in draft.taken.items():
        if taken == name:
            why = f"two {kind}s cannot have it: state another by --name, or delete that one first"
            draft.add(text, "needs you", why)
    for field, why in unlisted(spec):
        draft.add(field, "needs you", why)
    return Translation(objects, tuple(draft.parts))


def _of_effect(draft: Draft, cache: Raw) -> Raw:
    """What an endpoint states of its cache; nothing of a claim where it has none."""
    if cache.get("enabled") or "name" in cache:
        return cache
    for key in OF_A_CLAIM:
        draft.replace(f"cache.{key}", "changed", "without cache.enabled pods request as much room as the model needs")
    return {key: one for key, one in cache.items() if key not in OF_A_CLAIM}


def _cache(draft: Draft, model: str, adapters: Sequence[FoundAdapter]) -> Raw:
    """A cache of the model and its adapters, as large as the endpoint's own would have been."""
    volume, stated = draft.spec.get("cache") or {}, draft.spec.get("model") or {}
    place = {"source": draft.source, "revision": None if draft.source else stated.get("revision")}
    models = [{"id": model, **{key: one for key, one in place.items() if one}}, *(one.entry for one in adapters)]
    storage = {key: volume[key] for key in OF_A_CLAIM if key in volume}
    for key in storage:
        draft.replace(f"cache.{key}", "changed", f"storage.{key} of the AIMCache")
    if adapters and "size" not in storage:
        draft.add("adapters", "needs you", "storage.size of the AIMCache: no recipe has the size of an adapter")
    if draft.source.startswith("pvc://"):
        draft.replace(
            "model.source", "changed", "a source of the AIMCache, which copies it: adapters are beside it there"
        )
    hub = {"hub": {"tokenSecret": stated["tokenSecret"]}} if "tokenSecret" in stated else {}
    return {"models": models, **({"storage": storage} if storage else {}), **hub}


def _without(draft: Draft, model: str) -> str:
    """Why there is no id of a model."""
    if not model:
        other = f" ({draft.other} is another engine)" if draft.other else ""
        whys = dict.fromkeys(part.why for part in draft.parts if NO_SOURCE in part.why or "--model" in part.why)
        return f"no model is named{other}{''.join(f' ({why})' for why in whys)}"
    if is_unstated(model):
        return f"{model} is a variable whose value is not stated here"
    if model.startswith(("/", "./", "../", "~")):
        return f"{model} is a path"
    return f"{model} is no id of a model on the hub"


def _read_nodes(draft: Draft) -> None:
    """What the engine is told of nodes, where nothing around it has as many pods for each replica."""
    if draft.of_nodes is None:
        return
    text, flag = draft.of_nodes
    nodes, pods = int(text), draft.spec.get("replicas", 1)
    if nodes in {1, draft.nodes}:
        draft.add(flag, "changed", RECIPE_NODES)
        return
    draft.nodes = nodes
    if draft.workload == "StatefulSet" and pods % nodes == 0:
        draft.spec["replicas"] = pods // nodes
        draft.replace("replicas", "changed", f"replicas: each is of {nodes} pods, and there are {pods}")
        draft.add(flag, "changed", RECIPE_NODES)
        if draft.spec.pop("availability", None):
            draft.replace(
                "availability.minReady", "needs you", f"availability.minReady: replicas, of {nodes} pods each"
            )
    else:
        draft.add(flag, "needs you", f"this is one of {nodes} parts of a replica: one endpoint has them all")


def _object(draft: Draft, kind: str, name: str, spec: Raw) -> Raw:
    place = {"namespace": draft.namespace} if draft.namespace else {}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, **place}, "spec": spec}


def _gpus(draft: Draft) -> Raw:
    """GPUs per replica: those that the user states, the degrees of the engine, or those that are listed."""
    if draft.answers.gpus is not None:
        return {"gpuCount": draft.answers.gpus}
    if "gpuCount" in draft.spec:
        if draft.listed:
            draft.add(draft.listed[1], "changed", "the degree of tensor parallelism decides")
        return {}
    if not draft.listed:
        draft.add(
            "GPUs", "needs you", "nothing states how many: --gpus N; without it, the fewest that fit are selected"
        )
        return {}
    number, text = draft.listed
    if draft.nodes == 1:
        draft.add(text, "kept", "gpuCount")
    else:
        draft.add(text, "changed", f"gpuCount: on {draft.nodes} nodes, as many on each")
    return {"gpuCount": number * draft.nodes}
