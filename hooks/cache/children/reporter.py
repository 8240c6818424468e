"""The objects that a cache's Jobs need to report."""

from aimlib.api import GROUP
from aimlib.api.meta import Raw
from hooks.cache.children.owner import CacheOwner
from hooks.objects.reporter import Right, reporting_objects


def reporting_children(owner: CacheOwner) -> list[Raw]:
    """Their ConfigMap, and what gives them access to it and to the AIMCache."""
    rights = (
        Right("", "configmaps", owner.state, ("get", "patch")),
        Right(GROUP, "aimcaches", owner.name, ("get",)),
    )
    return reporting_objects(owner.metadata(owner.state), owner.metadata(owner.reporter), rights)
