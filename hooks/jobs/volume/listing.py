"""Lists a volume: its models with their damage, and incomplete downloads."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from aimlib.caching.volume_index import CachedModel, InvalidIndexError, NewerIndexError, VolumeIndex
from aimlib.errors import InvalidInputError
from hooks.jobs.volume import missing_files, verify
from hooks.jobs.volume.index import read_index_file
from hooks.jobs.volume.layout import MountedVolume

WORKERS = 8
"""Files that are read in parallel: hashing releases the GIL, and network file systems are faster so."""


class InvalidVolumeError(InvalidInputError):
    """A folder that is not a cache, or whose index cannot be read."""


class ListedModel(NamedTuple):
    """A model on the volume, or the files of an interrupted or running download."""

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


def open_volume(root: Path) -> MountedVolume:
    """Opens the volume in a folder. InvalidVolumeError."""
    volume = MountedVolume(root)
    if not volume.files.is_folder(root):
        raise InvalidVolumeError(f"there is no folder {root}")
    if not volume.files.is_folder(volume.hub) and not volume.files.find(volume.index_file):
        raise InvalidVolumeError(
            f"{root} is not a cache: it has no folder hub; name the folder that an AIMCache mounts"
        )
    return volume


def read_index(volume: MountedVolume) -> VolumeIndex:
    """Reads the index; an empty one where there is none. InvalidVolumeError, OSError."""
    try:
        return read_index_file(volume)
    except NewerIndexError as error:
        raise InvalidVolumeError(f"the index {volume.index_file} was written by a later release: {error}") from error
    except InvalidIndexError as error:
        again = "the next clean-up or download rebuilds it from the files on the volume"
        raise InvalidVolumeError(f"the index {volume.index_file} cannot be read: {error}; {again}") from error


def list_volume(volume: MountedVolume) -> list[ListedModel]:
    """Lists a volume in the order of names; only the index is read. InvalidVolumeError, OSError."""
    return sorted([*_models(volume), *_parts(volume)])


def _models(volume: MountedVolume) -> Iterator[ListedModel]:
    for model in read_index(volume).models.values():
        repo = volume.repo(model.id)
        wrong = tuple(missing_files.find_missing(repo, model).values())
        state, folder = "Damaged" if wrong else "Ready", repo.snapshot(model.commit)
        size, times = (model.bytes, len(model.files)), (model.cached_at, model.last_used)
        yield ListedModel(model.id, model.revision, state, *size, folder, model.commit, *times, wrong)


def _parts(volume: MountedVolume) -> Iterator[ListedModel]:
    for repo in missing_files.repos(volume):
        if files := missing_files.leftovers(repo):
            size = sum(file.bytes for file in files)
            yield ListedModel(
                missing_files.model_id(repo), missing_files.UNKNOWN_REVISION, "Partial", size, len(files), repo.blobs
            )


def find_damage(volume: MountedVolume, model: CachedModel) -> tuple[str, ...]:
    """Reads every byte of a model, and returns messages about what is damaged."""
    repo = volume.repo(model.id)
    try:
        found = missing_files.find_missing(repo, model)
        files = [file for file in model.files if file.path not in found]
        content = verify.find_damaged_files(repo, files, WORKERS, lambda _: None, lambda: None)
    except OSError as error:
        return (f"{error.filename or repo.path} cannot be read: {error.strerror}",)
    return (*found.values(), *content)
