"""The index of a volume: read, changed under its lock, and rebuilt from the volume where it is damaged."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from huggingface_hub import CachedRepoInfo, CachedRevisionInfo, scan_cache_dir

from aimlib.caching import volume_index
from aimlib.caching.volume_index import CachedModel, InvalidIndexError, NewerIndexError, VolumeFile, VolumeIndex
from aimlib.kube.timestamp import format_timestamp
from hooks.jobs.volume import disk, hashes, locks
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.hub import HASH
from hooks.jobs.volume.layout import MountedVolume

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
        volume.locks.mkdir(parents=True, exist_ok=True)
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
            volume.index_file.with_name("index.json.broken").write_bytes(volume.index_file.read_bytes())
            disk.write_atomically(volume.index_file, volume_index.index_text(before))
        after = change(before)
        if after != before:
            disk.write_atomically(volume.index_file, volume_index.index_text(after))
        return after


def remove_entry(root: Path, key: str, log: Log) -> VolumeIndex:
    """Removes a model from the index."""
    return update_index(root, lambda index: index.without(key), log)


def _read(volume: MountedVolume) -> VolumeIndex:
    try:
        return volume_index.parse_index(volume.index_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return VolumeIndex()
    except UnicodeDecodeError as error:
        raise InvalidIndexError("it is not UTF-8 text") from error
    except NewerIndexError as error:
        raise DownloadError(
            "VolumeRefused",
            f"the index {volume.index_file} was written by a later release and is not changed: {error}",
        ) from error


def _rebuild(volume: MountedVolume) -> VolumeIndex:
    """The index of the models on the volume whose blobs all have the hashes that they are named by."""
    index = VolumeIndex()
    if volume.hub.is_dir():
        for repo in scan_cache_dir(volume.hub).repos:
            for commit in repo.revisions if repo.repo_type == "model" else ():
                for model in _models_of(repo, commit):
                    index = index.having(model)
    return index


def _models_of(repo: CachedRepoInfo, commit: CachedRevisionInfo) -> tuple[CachedModel, ...]:
    """The models of a commit, one per revision; none where a file is damaged."""
    files = []
    for one in commit.files:
        name = one.blob_path.name
        if not (HASH.fullmatch(name) and hashes.matches_hash(one.blob_path, name, threading.Event(), lambda _: None)):
            return ()
        path = one.file_path.relative_to(commit.snapshot_path).as_posix()
        files.append(VolumeFile(path=path, size=one.size_on_disk, hash=name))
    return tuple(
        CachedModel(
            id=repo.repo_id,
            revision=revision,
            commit=commit.commit_hash,
            files=tuple(sorted(files, key=lambda file: file.path)),
            cached_at=format_timestamp(datetime.fromtimestamp(commit.last_modified, UTC)),
        )
        for revision in sorted(commit.refs) or [commit.commit_hash]
    )
