"""Decides what a clean-up removes from a cache, in which order, and why: a function of the models and the time.

A model in use is never removed, nor one within its retention. `maxAge` removes every older model; then, while less than
`minFreeSpace` is free, models are removed in this order: those that the spec no longer lists, then those of low, medium
and high priority, and among these the oldest. The age of a model starts at its last use (lru) or its download (age); a
download counts as a use, or a new model would be removed at once. An unknown time counts as now, so that the model
stays.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from aimlib.api.cache import CacheCleanup, CacheSpec
from aimlib.api.cache_status import CachedModelStatus
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.job_reports import DEFAULT_REVISION, ModelReport
from aimlib.kube.duration import format_duration, parse_duration
from aimlib.kube.quantity import parse_quantity
from aimlib.kube.timestamp import parse_time

PRIORITY_RANKS = {"low": 0, "medium": 1, "high": 2}
FIRST_REMOVED = {"lru": "least recently used", "age": "first downloaded"}
AGE_TEXTS = {"lru": "not used for {}", "age": "downloaded {} ago"}


class StoredModel(NamedTuple):
    """A model on the volume."""

    id: str
    revision: str
    bytes: int
    cached_at: datetime | None
    last_used: datetime | None
    """When an endpoint last used it."""
    used_by: tuple[str, ...] = ()
    priority: str = "medium"
    retention: int | None = None
    """Seconds."""
    listed: bool = True

    def clock(self, strategy: str, when: datetime) -> datetime:
        """The time at which its age starts."""
        times = [time for time in (self.last_used, self.cached_at) if time]
        return (self.cached_at if strategy == "age" else None) or max(times, default=when)

    def removable(self, when: datetime) -> bool:
        """Whether it may be removed."""
        unused = (when - self.clock("lru", when)).total_seconds()
        return not self.used_by and (self.retention is None or unused >= self.retention)


class CleanupPolicy(NamedTuple):
    """When models are removed."""

    strategy: Literal["lru", "age", "none"]
    max_age: int | None
    """Seconds."""
    min_free: int | None
    """Bytes."""
    min_free_cause: str = "minFreeSpace is"
    """Where `min_free` comes from, as the beginning of a message."""


class Removal(NamedTuple):
    """A model that is removed, and why, with the numbers."""

    id: str
    revision: str
    bytes: int
    why: str


def plan_removals(
    models: Iterable[StoredModel], policy: CleanupPolicy, free_bytes: int | None, when: datetime
) -> tuple[Removal, ...]:
    """The models to remove, in order; `free_bytes` are free on the volume now, None where unknown."""
    if policy.strategy == "none":
        return ()
    removals: list[Removal] = []
    rest: list[StoredModel] = []
    for one in sorted((model for model in models if model.removable(when)), key=lambda one: _order(one, policy, when)):
        age = (when - one.clock(policy.strategy, when)).total_seconds()
        if policy.max_age is not None and age > policy.max_age:
            found, most = format_duration(age), format_duration(policy.max_age)
            aged = AGE_TEXTS[policy.strategy].format(f"more than {found}" if found == most else found)
            why = f"{aged}, maxAge is {most}"
            removals.append(Removal(one.id, one.revision, one.bytes, why))
        else:
            rest.append(one)
    for one in rest:
        free = _free(free_bytes, removals)
        if free is None or policy.min_free is None or free >= policy.min_free:
            break
        found = f"{format_bytes(free)} {'would be' if removals else 'are'} free"
        required = f"{policy.min_free_cause} {format_bytes(policy.min_free, at_least=True)}"
        which = f"of {one.priority} priority" if one.listed else "of the models that are no longer listed"
        removals.append(
            Removal(one.id, one.revision, one.bytes, f"{found}, {required}; {FIRST_REMOVED[policy.strategy]} {which}")
        )
    return tuple(removals)


def shortage(
    models: Iterable[StoredModel], policy: CleanupPolicy, free_bytes: int | None, when: datetime
) -> str | None:
    """Why less than `min_free` would be free even after the clean-up; None where enough would be."""
    models = tuple(models)
    removals = plan_removals(models, policy, free_bytes, when)
    free = _free(free_bytes, removals)
    if free is None or policy.min_free is None or free >= policy.min_free:
        return None
    required = f"{format_bytes(policy.min_free, at_least=True)} should be free, and {format_bytes(free)} "
    numbers = required + ("would be after the clean-up" if removals else "are")
    left = [
        model for model in models if (model.id, model.revision) not in {(gone.id, gone.revision) for gone in removals}
    ]
    if not left:
        return f"{numbers}: there is no other model to remove"
    if policy.strategy == "none":
        return f"{numbers}: clean-up is off"
    used = sum(bool(one.used_by) for one in left)
    counts = (f"{used} in use" if used else "", f"{len(left) - used} within retention" if len(left) > used else "")
    return f"{numbers}: the other models cannot be removed ({', '.join(filter(None, counts))})"


def cleanup_policy(cleanup: CacheCleanup) -> CleanupPolicy:
    """An AIMCache's policy: nothing is removed unless clean-up is on. InvalidQuantityError, InvalidDurationError."""
    return CleanupPolicy(
        cleanup.strategy if cleanup.enabled else "none",
        parse_duration(cleanup.max_age) if cleanup.max_age else None,
        -int(-parse_quantity(cleanup.min_free_space) // 1) if cleanup.min_free_space else None,
    )


def stored_models(
    spec: CacheSpec, found: Iterable[ModelReport], usage: Iterable[CachedModelStatus]
) -> tuple[StoredModel, ...]:
    """The complete models on the volume, with the settings of the spec and their use.

    A model that `usage` does not have is left out, so that it stays: it may be in use.
    """
    listed = {(model.id, model.revision or DEFAULT_REVISION): model for model in spec.models}
    uses = {(one.id, one.revision): one for one in usage}
    return tuple(
        StoredModel(
            *key,
            bytes=one.done,
            cached_at=parse_time(one.cached_at),
            last_used=_latest(one.last_used, uses[key].last_accessed),
            used_by=uses[key].used_by,
            priority=wish.priority if wish else "medium",
            retention=parse_duration(wish.retention) if wish and wish.retention else None,
            listed=wish is not None,
        )
        for one in found
        if one.state == "Ready" and (key := (one.id, one.revision)) in uses
        for wish in (listed.get(key),)
    )


def _latest(*texts: str | None) -> datetime | None:
    return max((time for text in texts if (time := parse_time(text))), default=None)


def _free(free_bytes: int | None, removals: Iterable[Removal]) -> int | None:
    return None if free_bytes is None else free_bytes + sum(removal.bytes for removal in removals)


def _order(one: StoredModel, policy: CleanupPolicy, when: datetime) -> tuple[bool, int, datetime, str, str]:
    return one.listed, PRIORITY_RANKS[one.priority], one.clock(policy.strategy, when), one.id, one.revision
