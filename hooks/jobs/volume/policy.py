"""Who says what a clean-up may remove, and who is told of it: an AIMCache, or the options of a command."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from pydantic import ValidationError

from aimlib.api.cache import AIMCache
from aimlib.caching import eviction
from aimlib.caching.eviction import Kept, Policy
from aimlib.caching.volume_index import CachedModel
from aimlib.schema.error_messages import sentences
from hooks.jobs.volume.cluster import Cluster, ClusterError


class Rated(NamedTuple):
    """The models of a volume as they are judged at this moment."""

    policy: Policy
    models: tuple[Kept, ...]
    """Those of which it is known who uses them."""
    listed: Collection[str] | None = None
    """The ids of the models that are asked for; None where nobody has listed them."""
    ready: Collection[tuple[str, str]] = ()
    """Id and revision of the models that are said to be there."""
    removed: Collection[tuple[str, str]] = ()
    """Those that are said to have been removed."""

    @property
    def used(self) -> Collection[tuple[str, str]]:
        """Id and revision of the models that an endpoint uses."""
        return {(one.id, one.revision) for one in self.models if one.used_by}

    @property
    def given_up(self) -> Collection[tuple[str, str]]:
        """Those that nobody asks for: certainly not in use, and not listed any more or said to have been removed."""
        unused = {(one.id, one.revision): one.listed for one in self.models if not one.used_by}
        return {name for name, listed in unused.items() if not listed or name in self.removed}


class Rules(Protocol):
    """What may go, asked for anew before each step, since endpoints begin to use models at any time."""

    def rated(self, models: Iterable[CachedModel]) -> Rated:
        """The models as they are judged now. ClusterError."""

    def report(self, data: Mapping[str, str]) -> None:
        """Merge these keys into the cache's reports. ClusterError."""


class OfCache:
    """The rules of an AIMCache, and the users that its status names."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def rated(self, models: Iterable[CachedModel]) -> Rated:
        raw = self.cluster.found()
        try:
            cache = AIMCache.model_validate(raw)
            policy = eviction.policy(cache.spec.cleanup)
        except ValidationError as error:
            raise ClusterError(
                f"AIMCache {self.cluster.cache} cannot be read: {'; '.join(sentences(error))}"
            ) from error
        except ValueError as error:
            raise ClusterError(f"AIMCache {self.cluster.cache} cannot be read: cleanup: {error}") from error
        usage = cache.status.cached_models if cache.status else ()
        found = eviction.kept(cache.spec, (one.report() for one in models), usage)
        ready, removed = (
            {(one.id, one.revision) for one in usage if one.status == state} for state in ("Ready", "Removed")
        )
        return Rated(policy, found, {one.id for one in cache.spec.models}, ready, removed)

    def report(self, data: Mapping[str, str]) -> None:
        self.cluster.report(data)


class OfOptions:
    """The rules that a person gives for a folder; nobody knows who uses it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def rated(self, models: Iterable[CachedModel]) -> Rated:
        found = (
            Kept(one.id, one.revision, one.bytes, eviction.moment(one.cached_at), eviction.moment(one.last_used))
            for one in models
        )
        return Rated(self.policy, tuple(found))

    def report(self, data: Mapping[str, str]) -> None:
        """Nobody is told."""
