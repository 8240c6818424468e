"""Selects an endpoint's AIMCache: the one it names, or the first of its namespace that lists the recipe's checkpoint.

A cache that pods use stays selected, even if it is deleted; a cache that is created later does not restart servers.
"""

from collections.abc import Sequence
from typing import NamedTuple

from aimlib.api.cache_status import CachedModelStatus, CacheStatus
from aimlib.api.draft import DraftModel
from aimlib.api.endpoint_status import UsedCache
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.caching.usage import Use
from aimlib.caching.weight_files import HUGGING_FACE


class CacheRequest(NamedTuple):
    """What an endpoint requests from a cache."""

    model: str
    """Id of the model that is served."""
    checkpoint: str
    """The repository whose files the recipe loads."""
    recipe: str
    revision: str | None = None
    """The revision in the endpoint's spec."""
    default_only: bool = False
    """Whether nothing but the default branch at a trusted hub may be used: the recipe runs code of the repository."""
    form: str | None = None
    """The form of the weights that the engine loads; None where it is not known."""
    draft: DraftModel | None = None
    """The second model, which drafts tokens and has to be in the same cache."""
    adapter: str = ""
    """The name of the LoRA adapter that is requested; empty for the model itself."""
    adapters: tuple[str, ...] = ()
    """The repositories of the adapters that the cache must list, too, where any cache will do."""

    @property
    def repositories(self) -> tuple[str, ...]:
        """Its checkpoint, and that of the draft."""
        return tuple(part.checkpoint for part in self.parts)

    @property
    def parts(self) -> tuple["CacheRequest", ...]:
        """What is requested, one checkpoint at a time: the model's first."""
        alone = self._replace(draft=None)
        if self.draft is None:
            return (alone,)
        drafts = self.draft.repository
        return (alone, alone._replace(model=drafts, checkpoint=drafts, revision=self.draft.revision, form=HUGGING_FACE))


class SpecModel(NamedTuple):
    """A model in the spec of an AIMCache; its patterns may have a megabyte, and endpoints do not need them."""

    id: str
    revision: str | None = None
    """None for the default branch."""
    without: frozenset[str] = frozenset()
    """The forms of weights that its patterns leave out."""
    source: str = ""
    """Where its files come from, if whoever wrote the cache chose that; empty for the cache's own."""


class CacheCandidate(NamedTuple):
    """An AIMCache that an endpoint may use."""

    name: str
    models: tuple[SpecModel, ...] = ()
    """The models in its spec."""
    status: CacheStatus = CacheStatus()
    claim: str = ""
    mount_path: str = ""
    access_mode: str = ""
    deleting: bool = False
    error: str = ""
    """Why it cannot be read."""
    own_source: str = ""
    """Where its files come from, if whoever wrote it chose that; empty for the hubs of the settings."""

    def lists(self, model: str) -> bool:
        return any(one.id == model for one in self.models)

    def revision(self, model: str) -> str | None:
        """The revision in its spec for a model; None for the default branch."""
        return next((one.revision for one in self.models if one.id == model), None)

    def leaves_out(self, request: CacheRequest) -> bool:
        """Whether its patterns leave out the weights that are requested."""
        return any(one.id == request.checkpoint and request.form in one.without for one in self.models)

    def model(self, model: str, revision: str | None) -> CachedModelStatus | None:
        """Its status of a model at a revision, listed or not."""
        key = (model, revision or DEFAULT_REVISION)
        return next(
            (
                cached_model
                for cached_model in self.status.cached_models
                if (cached_model.id, cached_model.revision) == key
            ),
            None,
        )

    def serves(self, request: CacheRequest) -> bool:
        """Whether it is not being deleted and lists all that is requested, at compatible revisions and with weights."""
        return not self.deleting and all(map(self._serves_part, request.parts))

    def _serves_part(self, part: CacheRequest) -> bool:
        return self.lists(part.checkpoint) and not self.leaves_out(part) and self.compatible(part)

    def untrusted(self, request: CacheRequest) -> bool:
        """Whether it may have other code than the repository, for a recipe that runs it."""
        return request.default_only and bool(self.chosen_source(request))

    def chosen_source(self, request: CacheRequest) -> str:
        """Where the requested files come from, if whoever wrote the cache chose that; empty for the usual hubs."""
        of_model = next((one.source for one in self.models if one.id == request.checkpoint), "")
        return of_model or self.own_source

    def compatible(self, request: CacheRequest) -> bool:
        """Whether it lists the requested revision: any when not stated, else the same name or the same commit."""
        revision = self.revision(request.checkpoint)
        if self.untrusted(request) or (request.default_only and revision not in (None, DEFAULT_REVISION)):
            return False
        status = self.model(request.checkpoint, revision)
        return request.revision in (None, revision or DEFAULT_REVISION, status.commit if status else None)

    def wait(self, request: CacheRequest) -> int:
        """How far it is from having all: 0 where it is there, 1 where some is on its way, 2 where some failed."""
        return max(map(self._wait_for_part, request.parts))

    def _wait_for_part(self, request: CacheRequest) -> int:
        model = self.model(request.checkpoint, self.revision(request.checkpoint))
        if model and model.status == "Ready":
            return 0
        return 2 if self.status.phase == "Failed" or (model and model.status == "Failed") else 1

    def used(self, request: CacheRequest) -> UsedCache:
        """What the status of an endpoint that uses it records."""
        return UsedCache(
            name=self.name,
            claim_name=self.claim,
            mount_path=self.mount_path,
            access_mode=self.access_mode,
            revision=self.revision(request.checkpoint),
            draft_revision=self.revision(request.draft.repository) if request.draft else None,
        )


class CacheChoice(NamedTuple):
    """The cache that an endpoint uses, or would use if it could."""

    name: str
    request: CacheRequest
    used: UsedCache | None = None
    """None where the cache does not exist, or does not list the requested model."""
    found: CacheCandidate | None = None
    in_use: bool = False
    """Whether pods use it already."""

    @property
    def model(self) -> CachedModelStatus | None:
        """The cache's status of the model."""
        if self.found is None or self.used is None:
            return None
        return self.found.model(self.request.checkpoint, self.used.revision)

    @property
    def parts(self) -> tuple["CacheChoice", ...]:
        """The same for one checkpoint at a time; where the cache does not serve all, it may serve some of them."""
        if self.used is None:
            return tuple(_choice(self.name, self.found, part) for part in self.request.parts)
        revisions = (self.used.revision, self.used.draft_revision)
        parts = zip(self.request.parts, revisions, strict=False)
        return tuple(
            self._replace(request=part, used=self.used.model_copy(update={"revision": revision}))
            for part, revision in parts
        )


class CacheHistory(NamedTuple):
    """The caches that an endpoint has used so far."""

    pinned: UsedCache | None = None
    """The cache that was selected for the same recipe and checkpoint."""
    running: tuple[Use, ...] = ()
    """The models and caches that the pods use."""
    mounted: tuple[str, ...] = ()
    """The PersistentVolumeClaims that the pods mount."""
    serves_without: bool = False
    """Whether a model server with the same configuration has been ready without a cache."""
    lost: bool = False
    """Whether the status has no cache: the one that pods use is then known from them alone."""

    def runs_on(self, cache: UsedCache, request: CacheRequest) -> bool:
        """Whether pods use the requested model of that cache."""
        return set(cache_uses(cache, *request.repositories)) <= {*self.running} and cache.claim_name in self.mounted


def cache_uses(used: UsedCache, checkpoint: str, draft: str | None = None) -> tuple[Use, ...]:
    """An endpoint's uses of a cache: its model, and the second model that drafts."""
    model = Use(used.name, checkpoint, used.revision or DEFAULT_REVISION)
    return (model, Use(used.name, draft, used.draft_revision or DEFAULT_REVISION)) if draft else (model,)


def choose_cache(
    named: str | None, caches: Sequence[CacheCandidate], request: CacheRequest, before: CacheHistory
) -> CacheChoice | None:
    """The cache of an endpoint that names one, or accepts any (None); None where there is none."""
    by_name = {cache.name: cache for cache in caches}
    pinned = before.pinned
    if pinned and named in (None, pinned.name) and before.runs_on(pinned, request):
        found = by_name.get(pinned.name)
        if found is None or found.error or found.claim == pinned.claim_name:  # else the cache has another volume now
            return CacheChoice(pinned.name, request, pinned, found, in_use=True)
    if named:
        return _choice(named, by_name.get(named), request)
    if before.serves_without:
        return None
    serving = (cache for cache in caches if cache.serves(request) and all(map(cache.lists, request.adapters)))
    fitting = sorted(serving, key=lambda cache: cache.wait(request))  # by name where they wait alike
    fitting = [cache for cache in fitting if cache.wait(request) == fitting[0].wait(request)]
    earlier = [
        *([pinned.name] if pinned else []),
        *(use.cache for use in before.running if use.id == request.checkpoint),
    ]
    best = next((cache for name in earlier for cache in fitting if cache.name == name), next(iter(fitting), None))
    if best:
        return _choice(best.name, best, request)
    in_pods = next((use.cache for use in before.running if use.id == request.checkpoint), "") if before.lost else ""
    return _choice(in_pods, by_name.get(in_pods), request) if in_pods else None


def _choice(name: str, found: CacheCandidate | None, request: CacheRequest) -> CacheChoice:
    return CacheChoice(name, request, found.used(request) if found and found.serves(request) else None, found)
