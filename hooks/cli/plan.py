"""A plan: what endpoints and caches of files become, together, once the caches have their models."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from aimlib.api.cache_status import CacheStatus, CacheStorageStatus
from aimlib.api.meta import Raw
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.config import Config
from hooks.cache.hook import read_cache_spec
from hooks.cli import simulate, simulate_cache
from hooks.cli.explanation import Explanation, explained

AHEAD = frozenset({"Bound", "AllCached", "Progressing", "Downloading"})
"""Reasons of a cache's conditions that are none to change anything: time brings the rest."""


class Answer(NamedTuple):
    """What the endpoint hook says to an endpoint, and its explanation."""

    children: list[Raw]
    explanation: Explanation


class Planned(NamedTuple):
    """One object of the files, and what it becomes."""

    title: str
    message: str
    fits: bool
    warnings: tuple[str, ...]
    children: list[Raw]
    explanation: Explanation | None = None
    """An endpoint's."""


class Around(NamedTuple):
    """What objects are planned in."""

    inventory: Raw
    recipes: Sequence[Raw]
    caches: Sequence[Raw]
    """AIMCaches, as they are."""
    config: Config

    def answer(self, endpoint: Raw) -> Answer:
        """The endpoint hook's answer; the caches of the namespace have all the models that they list."""
        found = simulate.sync(endpoint, self.inventory, self.recipes, self.config, self._near(endpoint))
        return Answer(found["children"], explained(endpoint, found["status"], self.recipes))

    def _near(self, endpoint: Raw) -> list[Raw]:
        namespace = endpoint["metadata"]["namespace"]
        return [simulate_cache.filled(one) for one in self.caches if one["metadata"]["namespace"] == namespace]

    def planned(self, answer: Answer) -> Planned:
        """An endpoint."""
        one = answer.explanation
        warnings = (*one.status.warnings, *self._ahead(one))
        return Planned(one.title, one.message, one.fits, warnings, answer.children, one)

    def _ahead(self, one: Explanation) -> Iterator[str]:
        """What the plan takes for granted that is not so yet."""
        used, chosen = one.status.cache, one.status.resolved
        if not used or not chosen:
            return
        key = (chosen.checkpoint, used.revision or DEFAULT_REVISION)
        for cache in self.caches:
            name = (cache["metadata"]["namespace"], cache["metadata"]["name"])
            models = (cache.get("status") or {}).get("cachedModels") or ()
            there = {(model["id"], model["revision"]) for model in models if model["status"] == "Ready"}
            if name == (one.endpoint["metadata"]["namespace"], used.name) and key not in there:
                yield f"planned as if AIMCache {used.name} had {key[0]}; no replica is started before it has"

    def planned_cache(self, cache: Raw, answers: Iterable[Answer]) -> Planned:
        """A cache that these endpoints use."""
        endpoints = [(one.explanation.endpoint, child) for one in answers for child in one.children]
        users = [simulate_cache.owned(child, owner) for owner, child in endpoints if child["kind"] == "Service"]
        said = simulate_cache.sync(cache, users, self.recipes, self.config)
        metadata, status = cache["metadata"], CacheStatus.model_validate(said["status"])
        _, *conditions = status.conditions  # Ready repeats the first of the others that is not met
        wrong = [one.message for one in conditions if one.reason not in AHEAD]
        title = f"AIMCache {metadata['namespace']}/{metadata['name']}"
        return Planned(title, "; ".join(wrong or _becomes(cache, status)), not wrong, status.warnings, said["children"])


def _becomes(cache: Raw, status: CacheStatus) -> Iterator[str]:
    """The volume, and what is downloaded to it when."""
    spec, volume = read_cache_spec(cache), status.storage or CacheStorageStatus()
    size = "as it is" if spec.storage.existing_claim else f"of {volume.requested_size}"
    yield f"PersistentVolumeClaim {volume.pvc_name} {size}"
    later = [one.id for one in status.cached_models if one.status == "OnDemand"]
    now = [one.id for one in status.cached_models if one.id not in later]
    if now:
        yield f"{'verifies' if spec.hub.offline else 'downloads'} {', '.join(now)}"
    if later:
        yield f"{', '.join(later)} when an endpoint uses it"
