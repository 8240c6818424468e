"""The index of a volume: its types, and their JSON text. Amounts are bytes, times RFC 3339."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from aimlib.api.base import Model
from aimlib.caching.job_reports import ModelReport, model_key
from aimlib.errors import InvalidInputError
from aimlib.schema.error_messages import validation_messages

INDEX_VERSION = 1


class InvalidIndexError(InvalidInputError):
    """A text that is not an index, or one of an earlier version."""


class NewerIndexError(InvalidInputError):
    """An index of a later version, written by a later release."""


class VolumeFile(Model):
    """One file of a model."""

    path: str
    size: int
    hash: str
    """SHA-256 of its content if it is in Git LFS, else its git SHA-1; the name of its blob."""


class CachedModel(Model):
    """A model at one revision, complete and verified."""

    id: str
    revision: str
    commit: str
    files: tuple[VolumeFile, ...]
    patterns: str | None = None
    """`job_reports.patterns_key` of the patterns by which the files were selected; None where they are unknown."""
    cached_at: str | None = None
    last_used: str | None = None
    """When a clean-up last found it in use."""

    @property
    def key(self) -> str:
        return model_key(self.id, self.revision)

    @property
    def blobs(self) -> Mapping[str, int]:
        """Sizes by hash: files with equal content are stored once."""
        return {one.hash: one.size for one in self.files}

    @property
    def bytes(self) -> int:
        return sum(self.blobs.values())

    def report(self) -> ModelReport:
        """The report of this model."""
        return ModelReport(
            id=self.id,
            revision=self.revision,
            commit=self.commit,
            state="Ready",
            done=self.bytes,
            total=self.bytes,
            files=len(self.files),
            patterns=self.patterns,
            cached_at=self.cached_at,
            last_used=self.last_used,
        )


class VolumeIndex(Model):
    """All models that are complete, by `aimlib.caching.job_reports.model_key`."""

    version: int = INDEX_VERSION
    models: dict[str, CachedModel] = Field(default_factory=dict)

    def having(self, model: CachedModel) -> "VolumeIndex":
        """This index with `model` added or replaced."""
        return self.model_copy(update={"models": {**self.models, model.key: model}})

    def without(self, key: str) -> "VolumeIndex":
        """This index without the model of that key."""
        return self.model_copy(update={"models": {name: one for name, one in self.models.items() if name != key}})


def parse_index(text: str) -> VolumeIndex:
    """The index in a text. InvalidIndexError or NewerIndexError where it cannot be used."""
    try:
        raw: Any = json.loads(text)
    except ValueError as error:
        raise InvalidIndexError(f"it is not JSON: {error}") from error
    version = raw.get("version") if isinstance(raw, dict) else None
    if not isinstance(version, int):
        raise InvalidIndexError("it has no version")
    if version > INDEX_VERSION:
        raise NewerIndexError(f"it has version {version}, and this release reads {INDEX_VERSION}")
    if version < INDEX_VERSION:
        raise InvalidIndexError(f"it has version {version}, and this release writes {INDEX_VERSION}")
    try:
        return VolumeIndex.model_validate(raw)
    except ValidationError as error:
        raise InvalidIndexError(validation_messages(error)[0]) from error


def index_text(index: VolumeIndex) -> str:
    """An index as text."""
    return json.dumps(index.wire(), indent=1, sort_keys=True) + "\n"
