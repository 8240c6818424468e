"""Finds missing and truncated files of a model, and blobs that no commit links to, without reading contents."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from aimlib.caching.volume_index import CachedModel, VolumeFile
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.folder_handles import WrongKindError
from hooks.jobs.volume.layout import MountedVolume, Repo

FOLDER_PREFIX = "models--"
UNKNOWN_REVISION = "-"
"""Shown as the revision of files that an interrupted download left."""


def find_missing(repo: Repo, model: CachedModel) -> Mapping[str, str]:
    """Messages about missing or truncated files, by path; empty where all files have their sizes."""
    found = {file.path: _size_problem(repo, model.commit, file) for file in model.files}
    found[f"refs/{model.revision}"] = _ref_problem(repo, model)
    return {path: message for path, message in found.items() if message}


def _ref_problem(repo: Repo, model: CachedModel) -> str | None:
    try:
        commit = repo.commit(model.revision)
    except WrongKindError as error:
        return f"refs/{model.revision} is {error.strerror}"
    return None if commit == model.commit else f"{model.revision} is {commit or 'no commit'} instead of {model.commit}"


def _size_problem(repo: Repo, commit: str, file: VolumeFile) -> str | None:
    try:
        blob = repo.blob_of(repo.snapshot(commit) / file.path)
    except WrongKindError as error:
        return f"{file.path} is missing: there is {error.strerror}"
    if blob is None or blob.path.name != file.hash:
        return f"{file.path} is missing"
    size = blob.stat.st_size
    return None if size == file.size else f"{file.path} has {size} bytes instead of {file.size}"


class Leftover(NamedTuple):
    """A file that belongs to no commit, left by an interrupted download."""

    path: Path
    bytes: int
    written: float
    """When, in seconds since 1970."""


def repos(volume: MountedVolume) -> Iterator[Repo]:
    """The folders of models, in the order of their names; whose names are no ids are left out."""
    for entry in volume.files.entries(volume.hub):
        if entry.is_folder and entry.path.name.startswith(FOLDER_PREFIX):
            repo = Repo(entry.path, volume.files)
            with suppress(DownloadError):
                if volume.repo(model_id(repo)) == repo:
                    yield repo


def model_id(repo: Repo) -> str:
    """The model whose folder it is."""
    return repo.path.name.split("--", 1)[1].replace("--", "/")


def leftovers(repo: Repo) -> tuple[Leftover, ...]:
    """The blobs of a model that no commit links to."""
    snapshots = repo.files.tree(repo.snapshots)
    linked = {repo.linked_blob(snapshot.path) for snapshot in snapshots if snapshot.is_link}
    return tuple(
        Leftover(entry.path, entry.stat.st_size, entry.stat.st_mtime)
        for entry in repo.files.entries(repo.blobs)
        if entry.path not in linked and not entry.is_folder
    )
