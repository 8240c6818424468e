"""The claim that keeps an endpoint's model files when its pods are gone."""

from aimlib.api.meta import Raw
from aimlib.api.quantity import canonical
from hooks.children.owner import Owner


def claim(owner: Owner) -> Raw | None:
    """A PersistentVolumeClaim where the cache is enabled. It is never updated: most of its fields are immutable."""
    cache = owner.spec.cache
    if not cache.enabled:
        return None
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": owner.metadata(owner.claim),
        "spec": {
            "accessModes": [cache.access_mode],
            "resources": {
                "requests": {"storage": canonical(cache.size or owner.resolved.cache_size or owner.config.cache_size)}
            },
            "storageClassName": cache.storage_class,
        },
    }
