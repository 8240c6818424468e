"""The index of a volume: its types, and their JSON text. Amounts are bytes, times RFC 3339."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from aimlib.api.adapter import AdapterFacts
from aimlib.api.base import Model, ModelId
from aimlib.api.source import Verified
from aimlib.caching.job_reports import ModelReport, Time, model_key
from aimlib.errors import InvalidInputError
from aimlib.printable import printable
from aimlib.schema.error_messages import validation_messages

INDEX_VERSION = 1
COMMIT, HASH = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
MAX_FILE_BYTES = 1 << 53
"""The largest size of a file: eight pebibytes."""
MAX_PATH, MAX_NAME = 1024, 255
"""Bytes of a path, and of each name in it (NAME_MAX of Linux)."""


class InvalidIndexError(InvalidInputError):
    """A text that is not an index, or one of an earlier version."""


class NewerIndexError(InvalidInputError):
    """An index of a later version, written by a later release."""


def _below_a_folder(path: str) -> str:
    """Checks that a path leads to a file below the folder that it is relative to."""
    if not path or len(path.encode()) > MAX_PATH or printable(path) != path or "\\" in path:
        raise ValueError(f"a path has at most {MAX_PATH} bytes, and no backslash or control character")
    if any(part in {"", ".", ".."} or len(part.encode()) > MAX_NAME for part in path.split("/")):
        raise ValueError(f"a path leads to a file, and has no ., .. or names of more than {MAX_NAME} bytes")
    return path


def is_file_path(path: str) -> bool:
    """Whether a path leads to a file below the folder that it is relative to."""
    try:
        return bool(_below_a_folder(path))
    except ValueError:
        return False


FilePath = Annotated[str, Field(strict=True), AfterValidator(_below_a_folder)]
Commit = Annotated[str, Field(pattern=rf"^{COMMIT.pattern}$")]


class VolumeFile(Model):
    """One file of a model."""

    path: FilePath
    size: Annotated[int, Field(strict=True, ge=0, le=MAX_FILE_BYTES)]
    hash: Annotated[str, Field(pattern=rf"^(?:{HASH.pattern})$")]
    """SHA-256 of its content if it is in Git LFS, else its git SHA-1; the name of its blob."""


class CachedModel(Model):
    """A model at one revision, complete and verified."""

    id: ModelId
    revision: FilePath
    commit: Commit
    files: tuple[VolumeFile, ...]
    patterns: str | None = None
    """`job_reports.patterns_key` of the patterns by which the files were selected; None where they are unknown."""
    source: str | None = None
    """The source that the files came from; None for the hub's repository of that id."""
    resolved: str | None = None
    """The digest that the source's tag named then."""
    verified: Verified | None = None
    """Against what the files were checked when they were downloaded, with a source."""
    adapter: AdapterFacts | None = None
    """What its adapter_config.json tells, of a LoRA adapter."""
    cached_at: Time | None = None
    last_used: Time | None = None
    """When a clean-up last found it in use."""

    @property
    def key(self) -> str:
        return model_key(self.id, self.revision)

    @property
    def blobs(self) -> Mapping[str, int]:
        """Sizes by hash: files with equal content are stored once."""
        return {file.hash: file.size for file in self.files}

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
            source=self.source,
            resolved=self.resolved,
            verified=self.verified,
            adapter=self.adapter,
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
    except (ValueError, RecursionError) as error:
        raise InvalidIndexError(f"it is not JSON: {error}") from error
    version = raw.get("version") if isinstance(raw, dict) else None
    if not isinstance(version, int):
        raise InvalidIndexError("it has no version")
    if version > INDEX_VERSION:
        raise NewerIndexError(f"it has version {version}, and this release reads {INDEX_VERSION}")
    if version < INDEX_VERSION:
        raise InvalidIndexError(f"it has version {version}, and this release writes {INDEX_VERSION}")
    try:
        index = VolumeIndex.model_validate(raw)
    except ValidationError as error:
        raise InvalidIndexError(validation_messages(error)[0]) from error
    if wrong := [key for key, model in index.models.items() if key != model.key]:
        raise InvalidIndexError(f"{wrong[0]} is not the key of the model that it has")
    return index


def index_text(index: VolumeIndex) -> str:
    """An index as text."""
    return json.dumps(index.wire(), indent=1, sort_keys=True) + "\n"
