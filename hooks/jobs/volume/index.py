"""The index of a volume: read, changed under its lock, and rebuilt from the volume where it is damaged."""

import errno
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from aimlib.caching import volume_index
from aimlib.caching.volume_index import HASH, CachedModel, InvalidIndexError, NewerIndexError, VolumeFile, VolumeIndex
from aimlib.kube.timestamp import format_timestamp
from hooks.jobs.volume import adapter, hashes, locks, missing_files
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.folder_handles import WrongKindError
from hooks.jobs.volume.layout import MountedVolume, Repo

MAX_INDEX = 64 << 20
"""Most bytes of an index; a model with a thousand files takes 150 KiB."""
Log = Callable[[str], None]


def load_index(root: Path, log: Log) -> VolumeIndex:
    """Reads the index of a volume; an empty one where there is none yet.

    A damaged index is rebuilt from the files on the volume, which are verified; where the volume is writable, the new
    one is stored and the damaged one kept beside it. DownloadError (VolumeRefused) for the index of a later release.
    """
    volume = MountedVolume(root)
    try:
        return _read(volume)
    except InvalidIndexError:
        pass
    try:
        volume.files.make_folder(volume.locks)
        return update_index(root, lambda index: index, log)
    except OSError as error:
        log(f"the index of {root} cannot be stored: {error.strerror}")
        return _rebuild(volume)


def update_index(root: Path, change: Callable[[VolumeIndex], VolumeIndex], log: Log) -> VolumeIndex:
    """Changes the index, and returns the new one. DownloadError as in `load_index`, and Busy; OSError."""
    volume = MountedVolume(root)
    with locks.hold_lock(volume, locks.INDEX, locks.INDEX_WAIT, log):
        try:
            before = _read(volume)
        except InvalidIndexError as error:
            log(f"the index {volume.index_file} cannot be read: {error}; it is rebuilt from the files on the volume")
            before = _rebuild(volume)
            _keep_broken(volume)
            _write(volume, before)
        after = change(before)
        if after != before:
            _write(volume, after)
        return after


def remove_entry(root: Path, key: str, log: Log) -> VolumeIndex:
    """Removes a model from the index."""
    return update_index(root, lambda index: index.without(key), log)


def _keep_broken(volume: MountedVolume) -> None:
    """Keeps a copy of a damaged index, unless it is too long to be one."""
    with suppress(OSError):
        content = volume.files.read_file(volume.index_file, MAX_INDEX)
        volume.files.write_atomically(volume.index_file.with_name("index.json.broken"), content)


def _write(volume: MountedVolume, index: VolumeIndex) -> None:
    volume.files.write_atomically(volume.index_file, volume_index.index_text(index).encode())


def read_index_file(volume: MountedVolume) -> VolumeIndex:
    """Reads the index; an empty one where there is none. InvalidIndexError, NewerIndexError, OSError."""
    try:
        index = volume_index.parse_index(volume.files.read_file(volume.index_file, MAX_INDEX).decode())
        for model in index.models.values():
            volume.repo(model.id)
    except FileNotFoundError:
        return VolumeIndex()
    except UnicodeDecodeError as error:
        raise InvalidIndexError("it is not UTF-8 text") from error
    except DownloadError as error:
        raise InvalidIndexError(error.message) from error
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise InvalidIndexError(f"it has more than {MAX_INDEX} bytes") from error
    return index


def _read(volume: MountedVolume) -> VolumeIndex:
    try:
        return read_index_file(volume)
    except NewerIndexError as error:
        raise DownloadError(
            "VolumeRefused",
            f"the index {volume.index_file} was written by a later release and is not changed: {error}",
        ) from error


def _rebuild(volume: MountedVolume) -> VolumeIndex:
    """The index of the models on the volume whose blobs all have the hashes that they are named by."""
    index = VolumeIndex()
    for repo in missing_files.repos(volume):
        revisions = repo.revisions()
        for commit in repo.commits():
            named = sorted(name for name, found in revisions.items() if found == commit)
            for model in _models_of(repo, commit, named or [commit]):
                index = index.having(model)
    return index


def _models_of(repo: Repo, commit: str, revisions: Sequence[str]) -> tuple[CachedModel, ...]:
    """The models of a commit, one per revision; none where a file is damaged."""
    files, written = [], 0.0
    try:
        name = missing_files.model_id(repo)
        for path, blob in repo.links(commit):
            found = repo.files.find(blob) if blob else None
            if not (blob and found and HASH.fullmatch(blob.name) and _is_whole(repo, blob)):
                return ()
            files.append(VolumeFile(path=path, size=found.stat.st_size, hash=blob.name))
            written = max(written, found.stat.st_mtime)
        return tuple(
            CachedModel(
                id=name,
                revision=revision,
                commit=commit,
                files=tuple(sorted(files, key=lambda file: file.path)),
                cached_at=_timestamp(written),
                adapter=adapter.adapter_facts(repo, commit, [file.path for file in files]),
            )
            for revision in revisions
        )
    except (ValidationError, WrongKindError):
        return ()  # it is not what a download leaves


def _is_whole(repo: Repo, blob: Path) -> bool:
    return hashes.matches_hash(repo.files, blob, threading.Event(), lambda _: None)


def _timestamp(seconds: float) -> str | None:
    """A time of the file system; None where no calendar has it."""
    try:
        return format_timestamp(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None
