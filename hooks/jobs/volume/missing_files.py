"""Finds missing and truncated files of a model, and blobs that no commit links to, without reading contents."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume.layout import MountedVolume, Repo

FOLDER_PATTERN = "models--*"
UNKNOWN_REVISION = "-"
"""Shown as the revision of files that an interrupted download left."""


def find_missing(repo: Repo, model: CachedModel) -> Mapping[str, str]:
    """Messages about missing or truncated files, by path; empty where all files have their sizes."""
    folder = repo.snapshot(model.commit)
    found = {one.path: _size_problem(folder / one.path, one.path, one.size) for one in model.files}
    commit = repo.commit(model.revision)
    if commit != model.commit:
        found[f"refs/{model.revision}"] = f"{model.revision} is {commit or 'no commit'} instead of {model.commit}"
    return {path: message for path, message in found.items() if message}


def _size_problem(file: Path, path: str, size: int) -> str | None:
    try:
        found = file.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return f"{path} is missing"
    return None if found == size else f"{path} has {found} bytes instead of {size}"


class Leftover(NamedTuple):
    """A file that belongs to no commit, left by an interrupted download."""

    path: Path
    bytes: int
    written: float
    """When, in seconds since 1970."""


def repos(volume: MountedVolume) -> Iterator[Repo]:
    """The folders of models, in the order of their names."""
    return (Repo(path) for path in sorted(volume.hub.glob(FOLDER_PATTERN)) if path.is_dir())


def model_id(repo: Repo) -> str:
    """The model whose folder it is."""
    return repo.path.name.split("--", 1)[1].replace("--", "/")


def leftovers(repo: Repo) -> tuple[Leftover, ...]:
    """The blobs of a model that no commit links to."""
    links = (path for path in (repo.path / "snapshots").rglob("*") if path.is_symlink())
    linked = {os.path.normpath(path.parent / path.readlink()) for path in links}
    found = []
    for path in sorted(repo.blobs.glob("*")):
        if os.path.normpath(path) not in linked:
            stat = path.lstat()
            found.append(Leftover(path, stat.st_size, stat.st_mtime))
    return tuple(found)
