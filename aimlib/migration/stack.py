"""VLLMRuntimes of the vLLM production stack, each with the LoraAdapters that are for its model."""

from collections.abc import Iterable

from aimlib.api.meta import Raw
from aimlib.migration.beside import BESIDE, at

OFF: Raw = {"enabled": False}
"""A part that says nothing while it is off."""
MAY_BE_OFF = ("storageConfig", "lmCacheConfig", "autoscalingConfig")


def with_adapters(found: Iterable[Raw]) -> tuple[list[Raw], list[Raw]]:
    """The VLLMRuntimes among objects, each with the LoraAdapters for its model, and the objects that belong to none."""
    found = list(found)
    adapters = [one for one in found if one.get("kind") == "LoraAdapter"]
    runtimes = [
        {BESIDE: [adapter for adapter in adapters if _is_for(adapter, one)], **one}
        for one in found
        if one.get("kind") == "VLLMRuntime"
    ]
    used = [id(adapter) for one in runtimes for adapter in one[BESIDE]]
    return runtimes, [one for one in found if one.get("kind") != "VLLMRuntime" and id(one) not in used]


def _is_for(adapter: Raw, runtime: Raw) -> bool:
    """Whether an adapter names the runtime's model, as its label does, or as the hub does."""
    same = at(adapter, "metadata", "namespace") == at(runtime, "metadata", "namespace")
    url = str(at(runtime, "spec", "model", "modelURL") or "")
    labels, name = at(runtime, "metadata", "labels", "model"), at(runtime, "metadata", "name")
    return same and at(adapter, "spec", "baseModel") in {url, url.rpartition("/")[2], labels, name}


def as_runtime(found: Raw) -> Raw:
    """A VLLMRuntime with its adapters, its strategy as a Deployment has it, and without what is off."""
    spec = {key: one for key, one in found["spec"].items() if key not in MAY_BE_OFF or {**OFF, **one}["enabled"]}
    deployed, model = dict(spec["deploymentConfig"]), dict(spec["model"])
    if strategy := deployed.pop("deploymentStrategy", None):
        deployed["deploymentStrategy"] = {"type": strategy}
    secret = model.pop("hfTokenSecret", None) or {}
    key = secret.get("hfTokenKeyName") or model.pop("hfTokenName", None) or "token"
    if name := secret.get("hfTokenSecretName") or secret.get("name"):
        model["hfTokenSecret"] = {"name": name, "key": key}
    adapters = [at(one, "spec", "adapterSource") for one in found.get(BESIDE) or ()]
    listed = {"adapters": adapters} if adapters else {}
    stated = {name: one for name, one in found.items() if name != BESIDE}
    return {**stated, "spec": {**spec, "model": model, "deploymentConfig": deployed, **listed}}
