"""The index of a volume: read, changed under its lock, and made anew from the volume where it is damaged."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from huggingface_hub import CachedRepoInfo, CachedRevisionInfo, scan_cache_dir

from aimlib.caching import volume_index
from aimlib.caching.volume_index import CachedModel, NewerIndexError, UnreadableIndexError, VolumeFile, VolumeIndex
from aimlib.kube.timestamp import written
from hooks.jobs.volume import disk, hashes, locks
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.hub import HASH
from hooks.jobs.volume.layout import Volume

Say = Callable[[str], None]


def load(root: Path, say: Say) -> VolumeIndex:
    """The index of a volume; an empty one where there is none yet.

    One that cannot be read is made anew from what is on the volume, every byte of which is verified; on a volume that
    can be written to it is stored, and the damaged one is kept beside it. DownloadError (VolumeRefused) for one of a
    later release.
    """
    volume = Volume(root)
    try:
        return _read(volume)
    except UnreadableIndexError:
        pass
    try:
        volume.locks.mkdir(parents=True, exist_ok=True)
        return update(root, lambda index: index, say)
    except OSError as error:
        say(f"the index of {root} cannot be stored: {error.strerror}")
        return _rebuilt(volume)


def update(root: Path, change: Callable[[VolumeIndex], VolumeIndex], say: Say) -> VolumeIndex:
    """Change the index, and return it as it is then. DownloadError as in `load`, and Busy; OSError."""
    volume = Volume(root)
    with locks.held(volume, locks.INDEX, locks.INDEX_WAIT, say):
        try:
            before = _read(volume)
        except UnreadableIndexError as error:
            say(f"the index {volume.index_file} cannot be read: {error}; it is made anew from what is on the volume")
            before = _rebuilt(volume)
            volume.index_file.with_name("index.json.broken").write_bytes(volume.index_file.read_bytes())
            disk.replace(volume.index_file, volume_index.written(before))
        after = change(before)
        if after != before:
            disk.replace(volume.index_file, volume_index.written(after))
        return after


def remove(root: Path, key: str, say: Say) -> VolumeIndex:
    """Take a model out of the index."""
    return update(root, lambda index: index.without(key), say)


def _read(volume: Volume) -> VolumeIndex:
    try:
        return volume_index.read(volume.index_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return VolumeIndex()
    except UnicodeDecodeError as error:
        raise UnreadableIndexError("it is no text") from error
    except NewerIndexError as error:
        raise DownloadError(
            "VolumeRefused",
            f"the index {volume.index_file} was written by a later release and is left as it is: {error}",
        ) from error


def _rebuilt(volume: Volume) -> VolumeIndex:
    """What is on the volume, where every blob has the hash that its name says."""
    index = VolumeIndex()
    if volume.hub.is_dir():
        for repo in scan_cache_dir(volume.hub).repos:
            for commit in repo.revisions if repo.repo_type == "model" else ():
                for model in _found(repo, commit):
                    index = index.having(model)
    return index


def _found(repo: CachedRepoInfo, commit: CachedRevisionInfo) -> tuple[CachedModel, ...]:
    """A commit under each name that it has on the volume; under none where a file is not what it should be."""
    files = []
    for one in commit.files:
        name = one.blob_path.name
        if not (HASH.fullmatch(name) and hashes.matches(one.blob_path, name, threading.Event(), lambda _: None)):
            return ()
        path = one.file_path.relative_to(commit.snapshot_path).as_posix()
        files.append(VolumeFile(path=path, size=one.size_on_disk, hash=name))
    return tuple(
        CachedModel(
            id=repo.repo_id,
            revision=revision,
            commit=commit.commit_hash,
            files=tuple(sorted(files, key=lambda file: file.path)),
            cached_at=written(datetime.fromtimestamp(commit.last_modified, UTC)),
        )
        for revision in sorted(commit.refs) or [commit.commit_hash]
    )
