"""The rules and the reports of a clean-up: of an AIMCache, or of a command's options."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from pydantic import ValidationError

from aimlib.api.cache import AIMCache
from aimlib.caching import eviction
from aimlib.caching.eviction import CleanupPolicy, StoredModel
from aimlib.caching.volume_index import CachedModel
from aimlib.kube.timestamp import parse_time
from aimlib.schema.error_messages import validation_messages
from hooks.jobs.volume.cluster import CacheClient
from hooks.kube_client import ApiServerError


class RatedModels(NamedTuple):
    """The models of a volume, with the rules and users that apply now."""

    policy: CleanupPolicy
    models: tuple[StoredModel, ...]
    """The models with known users."""
    listed: Collection[str] | None = None
    """The ids of the models that the spec lists; None where there is no spec."""
    ready: Collection[tuple[str, str]] = ()
    """Id and revision of the models that are reported as ready."""
    removed: Collection[tuple[str, str]] = ()
    """Id and revision of the models that are reported as removed."""

    @property
    def used(self) -> Collection[tuple[str, str]]:
        """Id and revision of the models that an endpoint uses."""
        return {(model.id, model.revision) for model in self.models if model.used_by}

    @property
    def unneeded(self) -> Collection[tuple[str, str]]:
        """Id and revision of the models that are unused, and no longer listed or reported as removed."""
        unused = {(model.id, model.revision): model.listed for model in self.models if not model.used_by}
        return {name for name, listed in unused.items() if not listed or name in self.removed}


class CleanupRules(Protocol):
    """The rules of a clean-up, read before each step, since endpoints may start to use models at any time."""

    def rate(self, models: Iterable[CachedModel]) -> RatedModels:
        """Reads the rules and users of models now. ApiServerError."""

    def report(self, data: Mapping[str, str]) -> None:
        """Merges these keys into the cache's reports. ApiServerError."""


class CacheRules:
    """The rules of an AIMCache, and the users in its status."""

    def __init__(self, cluster: CacheClient) -> None:
        self.cluster = cluster

    def rate(self, models: Iterable[CachedModel]) -> RatedModels:
        raw = self.cluster.read_cache()
        try:
            cache = AIMCache.model_validate(raw)
            policy = eviction.cleanup_policy(cache.spec.cleanup)
        except ValidationError as error:
            raise ApiServerError(
                f"AIMCache {self.cluster.cache} cannot be read: {'; '.join(validation_messages(error))}"
            ) from error
        usage = cache.status.cached_models if cache.status else ()
        found = eviction.stored_models(cache.spec, (model.report() for model in models), usage)
        ready, removed = (
            {(one.id, one.revision) for one in usage if one.status == state} for state in ("Ready", "Removed")
        )
        return RatedModels(policy, found, {one.id for one in cache.spec.models}, ready, removed)

    def report(self, data: Mapping[str, str]) -> None:
        self.cluster.report(data)


class OptionRules:
    """The rules of a command's options; users are unknown."""

    def __init__(self, policy: CleanupPolicy) -> None:
        self.policy = policy

    def rate(self, models: Iterable[CachedModel]) -> RatedModels:
        found = (
            StoredModel(model.id, model.revision, model.bytes, parse_time(model.cached_at), parse_time(model.last_used))
            for model in models
        )
        return RatedModels(self.policy, tuple(found))

    def report(self, data: Mapping[str, str]) -> None:
        """Does nothing: there is no AIMCache."""
