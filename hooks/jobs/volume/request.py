"""The request of a download: one model on one volume."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined] # not in __all__

from aimlib.api.cache import DUPLICATE_FILES
from aimlib.caching import weight_files
from aimlib.caching.job_reports import DEFAULT_REVISION, ModelReport, model_key, patterns_key
from aimlib.caching.volume_index import CachedModel, VolumeFile


class DownloadRequest(NamedTuple):
    """One model to download to one volume, and which of its files."""

    root: Path
    model: str
    revision: str = DEFAULT_REVISION
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] | None = None
    """None: files that usually duplicate weights."""
    max_size: int | None = None
    """Bytes."""
    workers: int = 8
    offline: bool = False
    source: str | None = None
    """Where the files come from, such as s3://bucket/folder; None for the hub's repository of that id."""
    endpoint: str | None = None
    """URL of the S3 service, registry or MLflow; None for that of AWS, and for the registry over https."""
    region: str = "us-east-1"
    folder: Path | None = None
    """Where the claim of a source pvc:// is mounted; without a source, the folder to import, an absolute path."""
    artifact_endpoint: str | None = None
    """URL of the S3 service that has the files of a model in MLflow; None for that of AWS."""

    @property
    def key(self) -> str:
        return model_key(self.model, self.revision)

    @property
    def patterns(self) -> str:
        return patterns_key(self.include, self.exclude)

    @property
    def allowed(self) -> list[str] | None:
        """Patterns of files to include, for huggingface_hub; None for all."""
        return list(self.include) or None

    @property
    def ignored(self) -> list[str]:
        """Patterns of files to exclude."""
        return list(DUPLICATE_FILES if self.exclude is None else self.exclude)

    @property
    def name(self) -> str:
        """The model and the revision, for messages."""
        return f"{self.model}@{self.revision}"

    @property
    def patterns_text(self) -> str:
        """The patterns, for messages."""
        return f"include {' '.join(self.include) or 'everything'}, exclude {' '.join(self.ignored) or 'nothing'}"

    def select(self, files: tuple[VolumeFile, ...]) -> tuple[VolumeFile, ...]:
        """The files that the patterns select."""
        selected = {*self.select_paths(file.path for file in files)}
        return tuple(file for file in files if file.path in selected)

    def select_paths(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The paths that the patterns select, of all that there are: duplicates, too, where only they have weights."""
        found = tuple(paths)
        return self._matching(found, weight_files.exclusion(self.ignored, partial(self._matching, found)))

    def _matching(self, paths: Iterable[str], ignored: Iterable[str]) -> tuple[str, ...]:
        """The paths that are included and not ignored."""
        return tuple(filter_repo_objects(paths, allow_patterns=self.allowed, ignore_patterns=[*ignored]))

    def lacks_weights(self, paths: Iterable[str]) -> str | None:
        """That none of the selected files has weights; None where one has."""
        found = tuple(paths)
        if any(map(weight_files.is_weights, found)):
            return None
        return (
            f"none of the {len(found)} files of {self.name} that match has weights (such as "
            f"{', '.join(weight_files.SHOWN_SUFFIXES)}), so that no engine could load it: {self.patterns_text}"
        )

    def index_entry(self, commit: str, files: tuple[VolumeFile, ...], when: str | None = None) -> CachedModel:
        """The model's entry of the index."""
        return CachedModel(
            id=self.model,
            revision=self.revision,
            commit=commit,
            files=files,
            patterns=self.patterns,
            source=self.source,
            cached_at=when,
        )

    def report(self, **state: object) -> ModelReport:
        """A report about the model."""
        return ModelReport.model_validate(
            {
                "id": self.model,
                "revision": self.revision,
                "patterns": self.patterns,
                "source": self.source,
                **state,
            }
        )
