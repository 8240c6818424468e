"""A PersistentVolumeClaim, and those that a spec does not request any more."""

from collections.abc import Iterable, Mapping, Sequence

from aimlib.api.meta import Raw
from aimlib.kube.quantity import canonical_quantity
from aimlib.protocol.last_applied import kept_child

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def missing_class(classes: Iterable[Raw], requested: str | None) -> str | None:
    """Why a claim gets no volume: its storage class does not exist, or there is no default one. None where neither."""
    found = list(classes)
    names = sorted(one["metadata"]["name"] for one in found)
    available = f"the cluster has {', '.join(names) or 'none'}"
    if requested:
        return None if requested in names else f"there is no storage class {requested}; {available}"
    defaults = [one for one in found if (one["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"]
    return None if defaults else f"no storage class is requested, and none is the default one; {available}"


def volume_claim(
    metadata: Mapping[str, object], size: str, access_modes: Sequence[str], storage_class: str | None
) -> Raw:
    """A PersistentVolumeClaim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": dict(metadata),
        "spec": {
            "accessModes": list(access_modes),
            "resources": {"requests": {"storage": canonical_quantity(size)}},
            "storageClassName": storage_class,
        },
    }


def former_claims(desired: Iterable[Raw], claims: Iterable[Raw]) -> list[Raw]:
    """The observed claims that are not desired, as they were last applied: no change of a spec deletes a volume."""
    names = {child["metadata"]["name"] for child in desired if child["kind"] == "PersistentVolumeClaim"}
    return [kept_child(claim) for claim in claims if claim["metadata"]["name"] not in names]


def former_claim_warning(claim: Raw) -> str:
    """The warning about a former claim."""
    name, namespace = claim["metadata"]["name"], claim["metadata"]["namespace"]
    command = f"kubectl delete pvc {name} -n {namespace}"
    return (
        f"PersistentVolumeClaim {name} is kept with its files, though no pod mounts it any more: {command} deletes it"
    )
