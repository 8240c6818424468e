"""AIMCache: models kept on one volume. Only its schema is served so far; nothing acts on it yet."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from aimlib.api.base import Model, ModelId, Name, Quantity, Rule, Ruled, Text
from aimlib.api.endpoint_parts import AccessMode
from aimlib.api.meta import Conditions, K8sObject
from aimlib.api.spelling import agreement, one_spelling, spelling

SPELLINGS = (
    spelling("cachePath", "storage.mountPath"),
    spelling("size", "storage.size"),
)

Duration = Annotated[str, Field(pattern=r"^[0-9]+(s|m|h|d|w)$", max_length=16)]
"""A length of time with one unit, such as 30d."""

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

RULES = (
    Rule(
        "has(self.size) || (has(self.storage) && has(self.storage.size))",
        "say how large the cache is: size, or storage.size",
        lambda raw: "size" in raw or "size" in (raw.get("storage") or {}),
    ),
    *agreement(SPELLINGS),
)


class CacheStorageSpec(Model):
    """The volume."""

    size: Quantity | None = None
    """Its size."""
    storage_class: Annotated[str, Field(max_length=253)] | None = None
    """Its storage class; the cluster's default when left out."""
    access_mode: AccessMode = "ReadWriteOnce"
    """Its access mode."""
    mount_path: Annotated[str, Field(pattern=r"^/", max_length=256)] = "/workspace/model-cache"
    """Where it is mounted in containers."""


class CachedModelSpec(Model):
    """One model to keep."""

    id: ModelId
    """Its id at the Hugging Face hub."""
    max_size: Quantity | None = None
    """Refuse it when it is larger."""
    preload: bool = True
    """Download it before anyone asks."""
    priority: Literal["high", "medium", "low"] = "medium"
    """Which models go last when space is short."""
    retention: Duration | None = None
    """Keep it at least this long after its last use."""


class CacheCleanup(Model):
    """When and what to remove."""

    enabled: bool = False
    """Turns clean-up on."""
    schedule: Annotated[str, Field(max_length=128)] | None = None
    """When, in cron format."""
    strategy: Literal["lru", "age", "none"] = "lru"
    """What goes first: least recently used, or oldest."""
    max_age: Duration | None = None
    """Remove what was not used for this long."""
    min_free_space: Quantity | None = None
    """Remove until this much is free."""


class CacheSpec(Ruled):
    """Models kept on one volume."""

    rules = RULES

    model_id: ModelId | None = None
    """Short for models: one model."""
    cache_path: Annotated[str, Field(pattern=r"^/", max_length=256)] | None = None
    """Short for storage.mountPath."""
    size: Quantity | None = None
    """Short for storage.size."""
    storage: CacheStorageSpec = CacheStorageSpec()
    """The volume."""
    models: Annotated[
        tuple[CachedModelSpec, ...],
        Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"]}),
    ] = ()
    """The models."""
    cleanup: CacheCleanup = CacheCleanup()
    """When and what to remove."""

    @classmethod
    def normalised(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        return one_spelling(raw, SPELLINGS)


class CachedModelStatus(Model):
    """One model in the cache."""

    id: ModelId
    """The model."""
    status: Text | None = None
    """Its state."""
    size: Quantity | None = None
    """Its size."""
    cached_at: Timestamp | None = None
    """When it was complete."""
    last_accessed: Timestamp | None = None
    """When it was last used."""
    access_count: int | None = None
    """How often it was used."""


class CacheStorageStatus(Model):
    """The volume as observed."""

    pvc_name: Name | None = None
    """The claim."""
    pvc_phase: Text | None = None
    """Its phase."""
    total_size: Quantity | None = None
    """Capacity."""
    used_size: Quantity | None = None
    """Used."""
    available_size: Quantity | None = None
    """Free."""
    usage_percentage: float | None = None
    """Used, in percent."""


class CacheUsage(Model):
    """The models as counted."""

    total_models: int | None = None
    """Models in the cache."""
    active_models: int | None = None
    """Models in use."""
    last_cleanup: Timestamp | None = None
    """When space was last reclaimed."""
    next_cleanup: Timestamp | None = None
    """When it will be."""


class CacheStatus(Model):
    """What is in the cache."""

    observed_generation: int | None = None
    """The generation that this status was computed from."""
    phase: Text | None = None
    """State of the cache."""
    storage: CacheStorageStatus | None = None
    """The volume."""
    cached_models: tuple[CachedModelStatus, ...] = ()
    """The models."""
    usage: CacheUsage | None = None
    """Counts."""
    conditions: Conditions = ()
    """Ready."""


class AIMCache(K8sObject):
    """Models kept on one volume, downloaded once and shared by endpoints."""

    spec: CacheSpec
    status: CacheStatus | None = None
