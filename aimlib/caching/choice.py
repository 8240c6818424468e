"""Which AIMCache an endpoint uses: the one it names, or the first of its namespace that lists what its recipe loads.

A choice that pods run on stays, whatever becomes of the cache; a cache that appears later moves no running server.
"""

from collections.abc import Sequence
from typing import NamedTuple

from aimlib.api.cache import CachedModelSpec
from aimlib.api.cache_status import CachedModelStatus, CacheStatus
from aimlib.api.endpoint_status import UsedCache
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.caching.usage import Use


class CacheRequest(NamedTuple):
    """What an endpoint wants of a cache."""

    model: str
    """The model that is served."""
    checkpoint: str
    """The repository whose files the recipe loads."""
    recipe: str
    revision: str | None = None
    """The revision that the endpoint states."""


class CacheCandidate(NamedTuple):
    """An AIMCache as it is found."""

    name: str
    models: tuple[CachedModelSpec, ...] = ()
    """What it lists."""
    status: CacheStatus = CacheStatus()
    claim: str = ""
    mount_path: str = ""
    access_mode: str = ""
    deleting: bool = False
    error: str = ""
    """Why it cannot be read."""

    def lists(self, model: str) -> bool:
        return any(one.id == model for one in self.models)

    def revision(self, model: str) -> str | None:
        """The revision at which it lists a model; None for the default branch."""
        return next((one.revision for one in self.models if one.id == model), None)

    def model(self, model: str, revision: str | None) -> CachedModelStatus | None:
        """Its account of a model at a revision, listed or not."""
        key = (model, revision or DEFAULT_REVISION)
        return next((one for one in self.status.cached_models if (one.id, one.revision) == key), None)

    def serves(self, wish: CacheRequest) -> bool:
        """Whether it is here to stay and lists what is wanted, at a revision that will do."""
        return self.lists(wish.checkpoint) and not self.deleting and self.compatible(wish)

    def compatible(self, wish: CacheRequest) -> bool:
        """Whether what it lists is of the revision that is wanted: not stated, of the same name, or the same commit."""
        revision = self.revision(wish.checkpoint)
        known = self.model(wish.checkpoint, revision)
        return wish.revision in (None, revision or DEFAULT_REVISION, known.commit if known else None)

    def used(self, wish: CacheRequest) -> UsedCache:
        """What an endpoint that uses it keeps of it."""
        return UsedCache(
            name=self.name,
            claim_name=self.claim,
            mount_path=self.mount_path,
            access_mode=self.access_mode,
            revision=self.revision(wish.checkpoint),
        )


class CacheChoice(NamedTuple):
    """The cache that an endpoint uses, or would if it could."""

    name: str
    wish: CacheRequest
    used: UsedCache | None = None
    """None where it is not there, or has not what is wanted."""
    found: CacheCandidate | None = None
    in_use: bool = False
    """Whether pods run on it already."""

    @property
    def model(self) -> CachedModelStatus | None:
        """The cache's account of the model."""
        if self.found is None or self.used is None:
            return None
        return self.found.model(self.wish.checkpoint, self.used.revision)


class CacheHistory(NamedTuple):
    """What an endpoint has of caches so far."""

    pinned: UsedCache | None = None
    """The one that was chosen for the same recipe and checkpoint."""
    running: tuple[Use, ...] = ()
    """What the pods use."""
    mounted: tuple[str, ...] = ()
    """The claims that they mount."""
    serves_without: bool = False
    """Whether a server of the same choice has been ready without a cache."""

    def runs_on(self, cache: UsedCache, wish: CacheRequest) -> bool:
        """Whether pods run on that model of that cache."""
        return cache_use(cache, wish.checkpoint) in self.running and cache.claim_name in self.mounted


def cache_use(used: UsedCache, checkpoint: str) -> Use:
    """The use that an endpoint makes of a cache."""
    return Use(used.name, checkpoint, used.revision or DEFAULT_REVISION)


def choose_cache(
    named: str | None, caches: Sequence[CacheCandidate], wish: CacheRequest, before: CacheHistory
) -> CacheChoice | None:
    """The cache of an endpoint that names one, or leaves it to be found (None); None where it has none."""
    by_name = {one.name: one for one in caches}
    pinned = before.pinned
    if pinned and named in (None, pinned.name) and before.runs_on(pinned, wish):
        found = by_name.get(pinned.name)
        if found is None or found.error or found.claim == pinned.claim_name:  # else it has moved to another volume
            return CacheChoice(pinned.name, wish, pinned, found, in_use=True)
    if named:
        return _offered(named, by_name.get(named), wish)
    if before.serves_without:
        return None
    fitting = [one for one in caches if one.serves(wish)]
    known = [*([pinned.name] if pinned else []), *(one.cache for one in before.running if one.id == wish.checkpoint)]
    best = next((one for name in known for one in fitting if one.name == name), next(iter(fitting), None))
    return _offered(best.name, best, wish) if best else None


def _offered(name: str, found: CacheCandidate | None, wish: CacheRequest) -> CacheChoice:
    return CacheChoice(name, wish, found.used(wish) if found and found.serves(wish) else None, found)
