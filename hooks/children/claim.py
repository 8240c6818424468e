"""Claims: of a volume of any owner, and the one that keeps an endpoint's model files when its pods are gone."""

from collections.abc import Mapping, Sequence

from aimlib.api.meta import Raw
from aimlib.api.quantity import canonical
from hooks.children.owner import Owner


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
            "resources": {"requests": {"storage": canonical(size)}},
            "storageClassName": storage_class,
        },
    }


def claim(owner: Owner) -> Raw | None:
    """A PersistentVolumeClaim where pods mount one. It is never updated: most of its fields are immutable."""
    cache = owner.spec.cache
    if not owner.own_claim:
        return None
    size = cache.size or owner.resolved.cache_size or owner.config.cache_size
    return volume_claim(owner.metadata(owner.claim), size, [cache.access_mode], cache.storage_class)
