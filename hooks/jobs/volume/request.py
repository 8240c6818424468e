"""What a download is asked for."""

from pathlib import Path
from typing import NamedTuple

from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined] # said without __all__

from aimlib.api.cache import DUPLICATES
from aimlib.caching.job_reports import DEFAULT_REVISION, ModelReport, model_key, patterns_key
from aimlib.caching.volume_index import CachedModel, VolumeFile


class Wish(NamedTuple):
    """One model on one volume."""

    root: Path
    model: str
    revision: str = DEFAULT_REVISION
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] | None = None
    """None: the files that usually hold the same weights once more."""
    max_size: int | None = None
    """Bytes."""
    workers: int = 8
    offline: bool = False

    @property
    def key(self) -> str:
        return model_key(self.model, self.revision)

    @property
    def patterns(self) -> str:
        return patterns_key(self.include, self.exclude)

    @property
    def allowed(self) -> list[str] | None:
        """Patterns of the files to take, as huggingface_hub takes them: None for all."""
        return list(self.include) or None

    @property
    def ignored(self) -> list[str]:
        """Patterns of the files to leave."""
        return list(DUPLICATES if self.exclude is None else self.exclude)

    @property
    def name(self) -> str:
        """The model and the revision, for sentences."""
        return f"{self.model}@{self.revision}"

    @property
    def patterned(self) -> str:
        """The patterns, for sentences."""
        return f"include {' '.join(self.include) or 'everything'}, exclude {' '.join(self.ignored) or 'nothing'}"

    def chosen(self, files: tuple[VolumeFile, ...]) -> tuple[VolumeFile, ...]:
        """Those that the patterns take."""
        return tuple(
            filter_repo_objects(
                files, allow_patterns=self.allowed, ignore_patterns=self.ignored, key=lambda file: file.path
            )
        )

    def cached(self, commit: str, files: tuple[VolumeFile, ...], when: str) -> CachedModel:
        """The entry of the index, once it is there."""
        return CachedModel(
            id=self.model,
            revision=self.revision,
            commit=commit,
            files=files,
            patterns=self.patterns,
            cached_at=when,
        )

    def report(self, **state: object) -> ModelReport:
        """What is reported of it meanwhile."""
        return ModelReport.model_validate(
            {"id": self.model, "revision": self.revision, "patterns": self.patterns, **state}
        )
