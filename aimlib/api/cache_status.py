"""The status of an AIMCache: what is on the volume as measured there, and the progress of its Jobs."""

from typing import Literal

from aimlib.api.adapter import AdapterFacts
from aimlib.api.base import MessageText, Model, ModelId, Name, StoredQuantity, Text, Timestamp
from aimlib.api.meta import Conditions
from aimlib.api.source import Verified

ModelState = Literal["Waiting", "OnDemand", "Downloading", "Verifying", "Ready", "Failed", "Removed"]
"""Waiting: for the volume or its Job. OnDemand: until an endpoint uses it. Removed: by a clean-up, until needed."""


class CachedModelStatus(Model):
    """A model of the cache."""

    id: ModelId
    """Id of the model."""
    revision: Text
    """The requested branch, tag or commit."""
    commit: Text | None = None
    """The commit that the revision names. Of a source without commits, a digest of the list of its files, each with its
    size and version, such as an ETag, as it was when they were downloaded."""
    source: Text | None = None
    """The source that the files came from, where spec.models names one."""
    resolved: Text | None = None
    """What the source's tag named then: the digest of an OCI manifest; the version of a model in MLflow."""
    newest: Text | None = None
    """What the branch, tag or alias named when a check last looked (updates), where that is another version."""
    newest_message: MessageText | None = None
    """What both versions are, and what to state in the spec to have the newer one."""
    verified: Verified | None = None
    """SourceHashes: every file has the hash that the source states. FirstRead: the source states sizes and versions
    only; no file changed while it was read, and what was read is checked from then on."""
    adapter: AdapterFacts | None = None
    """What its adapter_config.json tells, of a LoRA adapter."""
    status: ModelState
    """Waiting, OnDemand, Downloading, Verifying, Ready, Failed or Removed."""
    listed: bool | None = None
    """False when spec.models no longer lists the model; it stays until a clean-up needs its space."""
    progress: Text | None = None
    """How much of the model is downloaded, while the download runs."""
    reason: Text | None = None
    """Why the download failed, in one CamelCase word."""
    message: MessageText | None = None
    """Why the download failed, or what it waits for."""
    size: StoredQuantity | None = None
    """Size of the model's files, as measured on the volume."""
    files: int | None = None
    """Number of the model's files."""
    cached_at: Timestamp | None = None
    """When the model was complete and verified."""
    used_by: tuple[Name, ...] = ()
    """Names of the endpoints that use the model."""
    last_accessed: Timestamp | None = None
    """When an endpoint last started or stopped using the model; while usedBy is not empty, it is in use."""
    access_count: int | None = None
    """How often an endpoint has started to use the model."""


class CacheStorageStatus(Model):
    """The volume that has the models."""

    pvc_name: Name | None = None
    """Name of the PersistentVolumeClaim."""
    pvc_uid: Text | None = None
    """Uid of the PersistentVolumeClaim: reports about an earlier one of the same name are dropped."""
    pvc_phase: Text | None = None
    """Phase of the PersistentVolumeClaim."""
    requested_size: StoredQuantity | None = None
    """Storage that the PersistentVolumeClaim requests."""
    total_size: StoredQuantity | None = None
    """Capacity of the file system, as measured on the volume."""
    used_size: StoredQuantity | None = None
    """Space that the cache uses, as measured on the volume."""
    available_size: StoredQuantity | None = None
    """Free space, as measured on the volume."""
    usage_percentage: float | None = None
    """Space that is not free, in percent of the capacity."""


class CacheUsage(Model):
    """Counts of models, and the times of clean-ups."""

    total_models: int | None = None
    """Models that are Ready."""
    active_models: int | None = None
    """Models that an endpoint uses."""
    last_cleanup: Timestamp | None = None
    """When a clean-up last ended."""
    next_cleanup: Timestamp | None = None
    """When the next clean-up is due."""


class CacheRemoval(Model):
    """A model that a clean-up removes."""

    id: ModelId
    """Id of the model."""
    revision: Text
    """Revision of the model."""
    size: StoredQuantity
    """Space that the removal frees."""
    why: MessageText
    """The rule that removes it, with its numbers."""


class CacheCleanupStatus(Model):
    """What the next clean-up would remove, and what the last one removed."""

    planned: tuple[CacheRemoval, ...] = ()
    """Models that the next clean-up would remove if it ran now."""
    removed: tuple[CacheRemoval, ...] = ()
    """Models that the last clean-up removed."""
    message: MessageText | None = None
    """What the last clean-up could not do."""


class CacheStatus(Model):
    """The contents of the cache, and the progress of its Jobs."""

    observed_generation: int | None = None
    """The generation that this status was computed from."""
    phase: Literal["Pending", "Downloading", "Ready", "Failed", "Deleting"] | None = None
    """Pending: waits for its volume. Downloading. Ready: has all models. Failed: needs your action. Deleting."""
    message: MessageText | None = None
    """What the cache waits for, what is wrong, or what it contains."""
    models: Text | None = None
    """How many of the models are ready, such as 1/2."""
    progress: Text | None = None
    """Progress of the running downloads together."""
    storage: CacheStorageStatus | None = None
    """The volume that has the models."""
    cached_models: tuple[CachedModelStatus, ...] = ()
    """The models, one entry for each revision."""
    usage: CacheUsage | None = None
    """Counts of models, and the times of clean-ups."""
    cleanup: CacheCleanupStatus | None = None
    """What the next clean-up would remove, and what the last one removed."""
    warnings: tuple[MessageText, ...] = ()
    """Settings that have no effect, or another one than they seem to have."""
    conditions: Conditions = ()
    """The conditions Ready, StorageReady and ModelsReady, and with updates.enabled UpToDate; Stalled while the phase is
    Failed, Reconciling while it is Downloading."""
