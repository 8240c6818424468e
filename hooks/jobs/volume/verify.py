"""Verifies files on a volume: every blob against its name, which is its hash."""

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from aimlib.caching.volume_index import VolumeFile
from hooks.jobs.volume import hashes
from hooks.jobs.volume.hub import HASH
from hooks.jobs.volume.thread_pool import run_parallel

SHARD_INDEX = ".safetensors.index.json"


def snapshot_files(folder: Path) -> tuple[VolumeFile, ...]:
    """The files of a snapshot, each with its blob's name as the hash."""
    paths = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return tuple(
        VolumeFile(path=path.relative_to(folder).as_posix(), size=_size(path), hash=blob_of(path).name)
        for path in paths
    )


def blob_of(path: Path) -> Path:
    """The blob that a file of a snapshot links to; the file itself where it is no link."""
    return path.parent / path.readlink() if path.is_symlink() else path


def find_damaged_files(
    folder: Path,
    files: Iterable[VolumeFile],
    workers: int,
    count: Callable[[int], None],
    report_progress: Callable[[], None],
) -> tuple[str, ...]:
    """Reads every byte of a snapshot's files, and returns a message about each that is damaged. OSError."""
    stop = threading.Event()
    found: list[str] = []

    def check(file: VolumeFile) -> None:
        if message := _damage(folder / file.path, file, stop, count):
            found.append(message)

    run_parallel(sorted(files, key=lambda file: -file.size), check, workers, report_progress, stop.set)
    return tuple(sorted(found))


def _damage(path: Path, file: VolumeFile, stop: threading.Event, count: Callable[[int], None]) -> str | None:
    if not HASH.fullmatch(file.hash):
        return f"{file.path} cannot be verified: it is not a link to a blob that is named by its hash"
    try:
        right = hashes.matches_hash(path, file.hash, stop, count)
    except FileNotFoundError:
        return f"{file.path} is missing: its blob {file.hash} does not exist"
    return None if right else f"{file.path} is damaged: its blob does not have the hash {file.hash}"


def missing_shards(folder: Path, files: Iterable[VolumeFile]) -> tuple[str, ...]:
    """The weight files that an index of shards in `files` names and that are missing."""
    named: set[Path] = set()
    for file in files:
        if file.path.endswith(SHARD_INDEX):
            index = folder / file.path
            weights = json.loads(index.read_text(encoding="utf-8")).get("weight_map", {})
            named |= {index.parent / name for name in weights.values()}
    return tuple(sorted(path.relative_to(folder).as_posix() for path in named if not path.exists()))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
