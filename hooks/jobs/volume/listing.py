"""What is on a volume: its index as it is stored, each model with what is wrong with it, and parts of models."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from aimlib.caching import volume_index
from aimlib.caching.volume_index import CachedModel, NewerIndexError, UnreadableIndexError, VolumeIndex
from hooks.jobs.volume import missing_files, verify
from hooks.jobs.volume.layout import Volume

WORKERS = 8
"""Files that are read at a time: hashing leaves the interpreter's lock, and network file systems want company."""


class NoCacheError(Exception):
    """A folder that is no cache, or whose index cannot be read, in words."""


class Listed(NamedTuple):
    """A model on the volume, or what an interrupted or running download of it has brought."""

    id: str
    revision: str
    state: str
    """Ready, Damaged or Partial."""
    bytes: int
    files: int
    folder: Path
    commit: str | None = None
    cached_at: str | None = None
    last_used: str | None = None
    wrong: tuple[str, ...] = ()


def opened(root: Path) -> Volume:
    """The volume in a folder. NoCacheError."""
    volume = Volume(root)
    if not root.is_dir():
        raise NoCacheError(f"there is no folder {root}")
    if not volume.hub.is_dir() and not volume.index_file.exists():
        raise NoCacheError(f"{root} is no cache: it has no folder hub; name the folder that an AIMCache mounts")
    return volume


def stored(volume: Volume) -> VolumeIndex:
    """The index as it is stored; an empty one where there is none. NoCacheError, OSError."""
    try:
        return volume_index.read(volume.index_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return VolumeIndex()
    except NewerIndexError as error:
        raise NoCacheError(f"the index {volume.index_file} was written by a later release: {error}") from error
    except (UnreadableIndexError, UnicodeDecodeError) as error:
        again = "a clean-up or a download makes it anew from what is on the volume"
        raise NoCacheError(f"the index {volume.index_file} cannot be read: {error}; {again}") from error


def listed(volume: Volume) -> list[Listed]:
    """All of them, in the order of their names; nothing is read but the index. NoCacheError, OSError."""
    return sorted([*_models(volume), *_parts(volume)])


def _models(volume: Volume) -> Iterator[Listed]:
    for one in stored(volume).models.values():
        repo = volume.repo(one.id)
        wrong = tuple(missing_files.objections(repo, one).values())
        state, folder = "Damaged" if wrong else "Ready", repo.snapshot(one.commit)
        size, times = (one.bytes, len(one.files)), (one.cached_at, one.last_used)
        yield Listed(one.id, one.revision, state, *size, folder, one.commit, *times, wrong)


def _parts(volume: Volume) -> Iterator[Listed]:
    for repo in missing_files.repos(volume):
        if files := missing_files.leftovers(repo):
            size = sum(one.bytes for one in files)
            yield Listed(missing_files.model_id(repo), missing_files.UNKNOWN, "Partial", size, len(files), repo.blobs)


def wrong(volume: Volume, model: CachedModel) -> tuple[str, ...]:
    """What is wrong with a model, every byte of which is read; nothing is written."""
    repo = volume.repo(model.id)
    try:
        found = missing_files.objections(repo, model)
        files = [one for one in model.files if one.path not in found]
        content = verify.wrong(repo.snapshot(model.commit), files, WORKERS, lambda _: None, lambda: None)
    except OSError as error:
        return (f"{error.filename or repo.path} cannot be read: {error.strerror}",)
    return (*found.values(), *content)
