"""Verifies files on a volume: every blob against its name, which is its hash."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from aimlib.caching.volume_index import HASH, MAX_PATH, VolumeFile, is_file_path
from aimlib.printable import printable
from hooks.jobs.volume import hashes
from hooks.jobs.volume.folder_handles import WrongKindError
from hooks.jobs.volume.inspection import MAX_WEIGHT_FILES, MAX_WEIGHT_INDEX
from hooks.jobs.volume.layout import Repo
from hooks.jobs.volume.thread_pool import run_parallel

SHARD_INDEX = ".safetensors.index.json"


class SnapshotFiles(NamedTuple):
    """The files of a snapshot: those that link to a blob, and messages about the others."""

    files: tuple[VolumeFile, ...]
    unverifiable: Mapping[str, str]
    """By path."""


def snapshot_files(repo: Repo, commit: str) -> SnapshotFiles:
    """The files of a snapshot, each with its blob's name as the hash."""
    files, unverifiable = [], {}
    for path, blob in sorted(repo.links(commit)):
        if blob is None or not HASH.fullmatch(blob.name) or not is_file_path(path):
            unverifiable[path] = f"{path} cannot be verified: it is not a link to a blob that is named by its hash"
            continue
        found = repo.files.find(blob)
        files.append(VolumeFile(path=path, size=found.stat.st_size if found else 0, hash=blob.name))
    return SnapshotFiles(tuple(files), unverifiable)


def find_damaged_files(
    repo: Repo,
    files: Iterable[VolumeFile],
    workers: int,
    count: Callable[[int], None],
    report_progress: Callable[[], None],
) -> tuple[str, ...]:
    """Reads every byte of the blobs of files, and returns a message about each that is damaged. OSError."""
    stop = threading.Event()
    found: list[str] = []

    def check(file: VolumeFile) -> None:
        if message := _damage(repo, file, stop, count):
            found.append(message)

    run_parallel(sorted(files, key=lambda file: -file.size), check, workers, report_progress, stop.set)
    return tuple(sorted(found))


def _damage(repo: Repo, file: VolumeFile, stop: threading.Event, count: Callable[[int], None]) -> str | None:
    try:
        right = hashes.matches_hash(repo.files, repo.blobs / file.hash, stop, count)
    except FileNotFoundError:
        return f"{file.path} is missing: its blob {file.hash} does not exist"
    except WrongKindError as error:
        return f"{file.path} is missing: its blob {file.hash} is {error.strerror}"
    return None if right else f"{file.path} is damaged: its blob does not have the hash {file.hash}"


def missing_shards(repo: Repo, commit: str, files: Iterable[VolumeFile]) -> tuple[str, ...]:
    """Messages about the weight files that an index of shards in `files` names and that are missing."""
    messages: list[str] = []
    for file in files:
        if not file.path.endswith(SHARD_INDEX):
            continue
        names = _shards(repo, file)
        if names is None:
            messages.append(f"{file.path} is not an index of shards")
            continue
        paths = (PurePosixPath(file.path).parent / name for name in names)
        wrong = (str(path) for path in paths if not _exists(repo, commit, str(path)))
        messages += [f"{printable(path, MAX_PATH)} is missing" for path in wrong]
    return tuple(sorted(messages))


def _shards(repo: Repo, file: VolumeFile) -> set[str] | None:
    """The files that an index of shards names; None where it is none, or has more than a model has."""
    if file.size > MAX_WEIGHT_INDEX:
        return None
    try:
        found = json.loads(repo.files.read_file(repo.blobs / file.hash, MAX_WEIGHT_INDEX))
        names = {str(name) for name in found.get("weight_map", {}).values()}
    except (ValueError, RecursionError, AttributeError):
        return None
    return names if len(names) <= MAX_WEIGHT_FILES else None


def _exists(repo: Repo, commit: str, path: str) -> bool:
    return is_file_path(path) and repo.blob_of(repo.snapshot(commit) / path) is not None
