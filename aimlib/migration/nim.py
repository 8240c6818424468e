"""NIMServices, each with the NIMCache that has its model."""

from collections.abc import Iterable

from aimlib.api.meta import Raw
from aimlib.migration.beside import BESIDE, at

CACHE_NAME = ("spec", "storage", "nimCache", "name")
"""Where a NIMService names its cache."""


def with_caches(found: Iterable[Raw]) -> tuple[list[Raw], list[Raw]]:
    """The NIMServices among objects, each with the NIMCache that it names, and the objects that belong to none."""
    found = list(found)
    caches = {_place(one, "metadata", "name"): one for one in found if one.get("kind") == "NIMCache"}
    services, named = [], set()
    for one in found:
        if one.get("kind") == "NIMService":
            place = _place(one, *CACHE_NAME)
            named.add(place)
            services.append({BESIDE: [caches[place]] if place in caches else [], **one})
    others = [one for one in found if one.get("kind") != "NIMService"]
    return services, [
        one for one in others if one.get("kind") != "NIMCache" or _place(one, "metadata", "name") not in named
    ]


def as_service(found: Raw) -> Raw:
    """A NIMService with what its cache is of, where that stands."""
    beside = found.get(BESIDE) or ()
    stated = {key: one for key, one in found.items() if key != BESIDE}
    if not beside:
        return stated
    storage = stated["spec"]["storage"]
    joined = {**storage, "nimCache": {**storage["nimCache"], "cache": beside[0].get("spec")}}
    return {**stated, "spec": {**stated["spec"], "storage": joined}}


def _place(one: Raw, *name: str) -> tuple[object, object]:
    return at(one, "metadata", "namespace"), at(one, *name)
