"""The claim that keeps an endpoint's model files when its pods are gone."""

from aimlib.api.meta import Raw
from hooks.endpoint.children.owner import Owner
from hooks.objects.volume_claim import volume_claim


def claim(owner: Owner) -> Raw | None:
    """A PersistentVolumeClaim where pods mount one. It is never updated: most of its fields are immutable."""
    cache = owner.spec.cache
    if not owner.own_claim:
        return None
    size = cache.size or owner.resolved.cache_size or owner.config.cache_size
    return volume_claim(owner.metadata(owner.claim), size, [cache.access_mode], cache.storage_class)
