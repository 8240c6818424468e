"""What of a model is on the volume: missing and cut files, and blobs that no commit links to. Nothing is read."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume.layout import Repo, Volume

FOLDERS = "models--*"
UNKNOWN = "-"
"""The revision of what an interrupted download has left."""


def objections(repo: Repo, model: CachedModel) -> Mapping[str, str]:
    """What is wrong by path, as sentences; empty where all files are there with their sizes."""
    folder = repo.snapshot(model.commit)
    found = {one.path: _objection(folder / one.path, one.path, one.size) for one in model.files}
    commit = repo.commit(model.revision)
    if commit != model.commit:
        found[f"refs/{model.revision}"] = f"{model.revision} is {commit or 'no commit'} there, and not {model.commit}"
    return {path: said for path, said in found.items() if said}


def _objection(file: Path, path: str, size: int) -> str | None:
    try:
        found = file.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return f"{path} is missing"
    return None if found == size else f"{path} has {found} bytes instead of {size}"


class Leftover(NamedTuple):
    """A file that belongs to no commit: what an interrupted download has brought so far."""

    path: Path
    bytes: int
    written: float
    """When, in seconds since 1970."""


def repos(volume: Volume) -> Iterator[Repo]:
    """The folders of models, in the order of their names."""
    return (Repo(path) for path in sorted(volume.hub.glob(FOLDERS)) if path.is_dir())


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
