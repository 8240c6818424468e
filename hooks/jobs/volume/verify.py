"""Whether what is on the volume is whole and unchanged: every blob against its own name, which is its hash."""

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from aimlib.caching.volume_index import VolumeFile
from hooks.jobs.volume import hashes
from hooks.jobs.volume.hub import HASH
from hooks.jobs.volume.thread_pool import share_out

SHARDS = ".safetensors.index.json"


def listed(folder: Path) -> tuple[VolumeFile, ...]:
    """The files of a snapshot, each with the name of the blob that it links to."""
    paths = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return tuple(
        VolumeFile(path=path.relative_to(folder).as_posix(), size=_size(path), hash=blob_of(path).name)
        for path in paths
    )


def blob_of(path: Path) -> Path:
    """What a file of a snapshot links to; itself where it is no link."""
    return path.parent / path.readlink() if path.is_symlink() else path


def wrong(
    folder: Path, files: Iterable[VolumeFile], workers: int, count: Callable[[int], None], look: Callable[[], None]
) -> tuple[str, ...]:
    """What is wrong with the files of a snapshot, one sentence each; every byte is read. OSError."""
    stop = threading.Event()
    found: list[str] = []

    def check(file: VolumeFile) -> None:
        if said := _objection(folder / file.path, file, stop, count):
            found.append(said)

    share_out(sorted(files, key=lambda file: -file.size), check, workers, look, stop.set)
    return tuple(sorted(found))


def _objection(path: Path, file: VolumeFile, stop: threading.Event, count: Callable[[int], None]) -> str | None:
    if not HASH.fullmatch(file.hash):
        return f"{file.path} cannot be verified: it is no link to a blob that is named by its hash"
    try:
        right = hashes.matches(path, file.hash, stop, count)
    except FileNotFoundError:
        return f"{file.path} is missing: its blob {file.hash} is not there"
    return None if right else f"{file.path} is damaged: its blob does not have the hash {file.hash}"


def missing_shards(folder: Path, files: Iterable[VolumeFile]) -> tuple[str, ...]:
    """The files of weights that an index of shards among `files` names, and that are not there."""
    named: set[Path] = set()
    for file in files:
        if file.path.endswith(SHARDS):
            index = folder / file.path
            weights = json.loads(index.read_text(encoding="utf-8")).get("weight_map", {})
            named |= {index.parent / name for name in weights.values()}
    return tuple(sorted(path.relative_to(folder).as_posix() for path in named if not path.exists()))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
