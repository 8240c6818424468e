"""The status of an AIMCache: what is on the volume as it was measured there, and what is being done."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import MessageText, Model, ModelId, Name, Quantity, Text
from aimlib.api.meta import Conditions

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

ModelState = Literal["Waiting", "OnDemand", "Downloading", "Verifying", "Ready", "Failed", "Removed"]
"""Waiting: for the volume or its Job. OnDemand: until an endpoint uses it. Removed: by a clean-up, until needed."""


class CachedModelStatus(Model):
    """One model of the cache."""

    id: ModelId
    """The model."""
    revision: Text
    """The branch, tag or commit that was asked for."""
    commit: Text | None = None
    """The commit that it is."""
    status: ModelState
    """Waiting, OnDemand, Downloading, Verifying, Ready, Failed or Removed."""
    listed: bool | None = None
    """False where spec does not list it any more; it stays until a clean-up needs its space."""
    progress: Text | None = None
    """How much of it is there, while it is downloaded."""
    reason: Text | None = None
    """Why it failed, in one word."""
    message: MessageText | None = None
    """Why it failed, or what it waits for."""
    size: Quantity | None = None
    """Bytes of its files, as counted on the volume."""
    files: int | None = None
    """Number of its files."""
    cached_at: Timestamp | None = None
    """When it was complete and verified."""
    used_by: tuple[Name, ...] = ()
    """The endpoints that use it."""
    last_accessed: Timestamp | None = None
    """When an endpoint last began or ceased to use it; while usedBy names one, it is in use."""
    access_count: int | None = None
    """How often an endpoint has begun to use it."""


class CacheStorageStatus(Model):
    """The volume."""

    pvc_name: Name | None = None
    """The claim."""
    pvc_uid: Text | None = None
    """The claim's uid: what Jobs have reported of an earlier claim of that name is forgotten."""
    pvc_phase: Text | None = None
    """Its phase."""
    requested_size: Quantity | None = None
    """What the claim asks for."""
    total_size: Quantity | None = None
    """Capacity of the file system, as measured on the volume."""
    used_size: Quantity | None = None
    """Used by the cache, as measured on the volume."""
    available_size: Quantity | None = None
    """Free, as measured on the volume."""
    usage_percentage: float | None = None
    """What is not free, in percent of the capacity."""


class CacheUsage(Model):
    """The models as counted."""

    total_models: int | None = None
    """Models that are Ready."""
    active_models: int | None = None
    """Models that an endpoint uses."""
    last_cleanup: Timestamp | None = None
    """When a clean-up last ended."""
    next_cleanup: Timestamp | None = None
    """When the next one is due."""


class CacheRemoval(Model):
    """A model that a clean-up removes."""

    id: ModelId
    """The model."""
    revision: Text
    """Its revision."""
    size: Quantity
    """What that frees."""
    why: MessageText
    """The rule and its figures."""


class CacheCleanupStatus(Model):
    """What the next clean-up would remove, and what the last one did."""

    planned: tuple[CacheRemoval, ...] = ()
    """What would be removed at nextCleanup as things are now."""
    removed: tuple[CacheRemoval, ...] = ()
    """What the last clean-up removed."""
    message: MessageText | None = None
    """What the last clean-up could not do."""


class CacheStatus(Model):
    """What is in the cache, and what is being done."""

    observed_generation: int | None = None
    """The generation that this status was computed from."""
    phase: Literal["Pending", "Downloading", "Ready", "Failed", "Deleting"] | None = None
    """Pending: waiting for its volume. Downloading. Ready: all there. Failed: needs you. Deleting."""
    message: MessageText | None = None
    """What it is waiting for, what is wrong, or what is there."""
    models: Text | None = None
    """How many of the models that should be there are, as 1/2."""
    progress: Text | None = None
    """How much of the running downloads is there."""
    storage: CacheStorageStatus | None = None
    """The volume."""
    cached_models: tuple[CachedModelStatus, ...] = ()
    """The models."""
    usage: CacheUsage | None = None
    """Counts."""
    cleanup: CacheCleanupStatus | None = None
    """What a clean-up removes."""
    warnings: tuple[MessageText, ...] = ()
    """What may not be as expected."""
    conditions: Conditions = ()
    """Ready, StorageReady, ModelsReady."""
