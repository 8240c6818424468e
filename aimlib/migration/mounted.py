"""What becomes of the volumes that a container mounts: a source of the model, a cache, or nothing."""

from typing import Any

from aimlib.data import load_data
from aimlib.migration.draft import Draft

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a path in a container
NOT_MOUNTED = "models are kept in a cache, or on a claim by model.source"


def set_mount(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """One mount of the engine's container, with its volume; what is on a claim may be the model."""
    folder, volume = str(value["mountPath"]).rstrip("/") or "/", value.get("volume") or {}
    text = f"{'.'.join(path)} {folder}"
    memory = (volume.get("emptyDir") or {}).get("medium") == "Memory"
    if folder == SHARED_MEMORY or memory:
        draft.add(text, "changed", "the operator gives the pods shared memory")
    elif claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
        draft.mounts[folder] = (f"{claim}/{value.get('subPath') or ''}".rstrip("/"), text)
    else:
        _forget(draft, folder, text, next((kind for kind in volume if kind != "name"), ""))


def finish_mounts(draft: Draft) -> None:
    """Claims that the model is not read from: a folder of models is a cache's, and others have no counterpart."""
    for folder, (claim, text) in draft.mounts.items():
        if draft.source.startswith("pvc://") and f"{draft.source[6:]}/".startswith(f"{claim}/"):
            draft.add(text, "kept", "model.source")
        else:
            _forget(draft, folder, text, "persistentVolumeClaim")


def _forget(draft: Draft, folder: str, text: str, kind: str) -> None:
    """A mount without a counterpart; a folder of models on a volume that lasts becomes a cache."""
    data = load_data("migration")
    if kind == "emptyDir":
        draft.add(text, "changed", "each pod keeps its files for itself; cache.enabled keeps the model's for all")
    elif folder in data["volumes"]:
        draft.spec["cache"] = {"enabled": True}
        draft.add(text, "changed", "cache.enabled: a claim of the endpoint, filled by a download")
    else:
        draft.add(text, "dropped", data["mounted"].get(kind, NOT_MOUNTED))
