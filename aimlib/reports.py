"""What the Jobs of a cache report: the data of one ConfigMap, one key per model, one for the volume, one for clean-ups.

They are the only source of what is on the volume; a Job merges its own keys and leaves those of the others alone.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from aimlib.api.base import Model
from aimlib.api.cache import DUPLICATES
from aimlib.names import digest, label_value

VOLUME, CLEANUP = "volume", "cleanup"
DEFAULT_REVISION = "main"


class ModelReport(Model):
    """One model at one revision. Amounts are bytes, times RFC 3339."""

    id: str
    revision: str = DEFAULT_REVISION
    commit: str | None = None
    state: Literal["Downloading", "Verifying", "Ready", "Failed", "Removed"]
    reason: str | None = None
    """A key of `aimlib.outcomes.OUTCOMES`, with state Failed."""
    message: str | None = None
    done: int = 0
    """Bytes that are on the volume."""
    total: int | None = None
    """Bytes of all its files, as the hub says."""
    files: int | None = None
    patterns: str | None = None
    """`patterns_key` of the patterns by which its files were chosen; None where they are not known."""
    cached_at: str | None = None
    last_used: str | None = None
    """When a clean-up last found it in use."""


class VolumeReport(Model):
    """The file system, in bytes."""

    total: int
    used: int
    """By the cache's own files."""
    available: int


class Removed(Model):
    """A model that a clean-up removed."""

    id: str
    revision: str
    bytes: int
    why: str


class CleanupReport(Model):
    """One clean-up."""

    ended: str
    removed: tuple[Removed, ...] = ()
    message: str | None = None


class Reports(Model):
    """All reports of one cache."""

    models: dict[str, ModelReport] = Field(default_factory=dict)
    """By `model_key`."""
    volume: VolumeReport | None = None
    cleanup: CleanupReport | None = None
    unreadable: tuple[str, ...] = ()
    """Keys whose text could not be read, such as those of a newer release."""


def model_key(model_id: str, revision: str | None) -> str:
    """The key of a model at a revision; legal in a ConfigMap, as a file name, and as a label value."""
    return label_value(f"{model_id}@{revision or DEFAULT_REVISION}")


def patterns_key(include: tuple[str, ...], exclude: tuple[str, ...] | None) -> str:
    """A short name for the choice of files; without exclude it is the usual one. An empty pattern matches nothing."""
    return digest(sorted(filter(None, include)), sorted(filter(None, DUPLICATES if exclude is None else exclude)))


def read(data: Mapping[str, Any]) -> Reports:
    """The reports in a ConfigMap's data."""
    found: dict[str, Any] = {"models": {}, "unreadable": []}
    for key, text in sorted(data.items()):
        try:
            if key == VOLUME:
                found["volume"] = VolumeReport.model_validate(json.loads(text))
            elif key == CLEANUP:
                found["cleanup"] = CleanupReport.model_validate(json.loads(text))
            else:
                found["models"][key] = ModelReport.model_validate(json.loads(text))
        except (TypeError, ValueError, ValidationError):
            found["unreadable"].append(key)
    return Reports.model_validate(found)


def written(report: Model) -> str:
    """A report as the text of its key."""
    return json.dumps(report.wire(), sort_keys=True)
