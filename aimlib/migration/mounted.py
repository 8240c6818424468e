"""What becomes of the volumes that a container mounts: a source of the model, a cache, or nothing."""

from typing import Any

from aimlib.api.meta import Raw
from aimlib.data import load_data
from aimlib.migration.draft import Draft

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a path in a container
NOT_MOUNTED = "models are kept in a cache, or on a claim by model.source"
CACHED = "cache.enabled: a claim of the endpoint, filled by a download"
CLAIM_OF_EACH = "claimTemplate"
"""The key of a volume of which each replica has a claim of its own: `name`, that of the first, and their `spec`."""
CACHE_VARIABLES = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE")
"""Variables by which the folder of models is another one."""


def set_mount(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """One mount of the engine's container, with its volume; what is on a claim may be the model."""
    folder, volume = str(value["mountPath"]).rstrip("/") or "/", value.get("volume") or {}
    text = f"{'.'.join(path)} {folder}"
    memory = (volume.get("emptyDir") or {}).get("medium") == "Memory"
    if folder == SHARED_MEMORY or memory:
        draft.add(text, "changed", "the operator gives the pods shared memory")
        return
    template = volume.get(CLAIM_OF_EACH) or {}
    claim = template.get("name") or (volume.get("persistentVolumeClaim") or {}).get("claimName")
    if claim:
        draft.mounts[folder] = (f"{claim}/{value.get('subPath') or ''}".rstrip("/"), text)
        draft.templates[folder] = template.get("spec") or {}
    else:
        _forget(draft, folder, text, next((kind for kind in volume if kind != "name"), ""))


def finish_mounts(draft: Draft) -> None:
    """Claims that the model is not read from: a folder of models is a cache's, and others have no counterpart."""
    for folder, (claim, text) in draft.mounts.items():
        of_each = draft.templates[folder]
        if not (draft.source.startswith("pvc://") and f"{draft.source[6:]}/".startswith(f"{claim}/")):
            _forget(draft, folder, text, "persistentVolumeClaim", of_each)
        elif of_each:
            draft.add(text, "changed", "model.source: all replicas mount the claim of the first one before")
        else:
            draft.add(text, "kept", "model.source")


def _forget(draft: Draft, folder: str, text: str, kind: str, of_each: Raw | None = None) -> None:
    """A mount without a counterpart; a folder of models on a volume that lasts becomes a cache, as large as it was."""
    data = load_data("migration")
    if kind == "emptyDir":
        draft.add(text, "changed", "each pod keeps its files for itself; cache.enabled keeps the model's for all")
    elif folder in data["volumes"] or _is_cache(draft, folder):
        size = ((of_each or {}).get("resources") or {}).get("requests", {}).get("storage")
        stated = {"size": size, "storageClass": (of_each or {}).get("storageClassName")}
        draft.spec["cache"] = {"enabled": True, **{key: str(one) for key, one in stated.items() if one}}
        draft.add(text, "changed", f"{CACHED}; those of each replica stay" if of_each else CACHED)
    else:
        draft.add(text, "dropped", data["mounted"].get(kind, NOT_MOUNTED))


def _is_cache(draft: Draft, folder: str) -> bool:
    """Whether a variable of the container states that models are kept in a folder, or below it."""
    return any(f"{draft.stated.get(name, '')}/".startswith(f"{folder}/") for name in CACHE_VARIABLES)
