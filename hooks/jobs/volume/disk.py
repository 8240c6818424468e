"""Sizes of the file system, and writes that survive a power failure."""

import os
from pathlib import Path

from aimlib.caching.job_reports import VolumeReport

HUB, AIM = "hub", ".aim"
"""The cache's folders on a volume: the models, and the operator's own files."""


def measure(root: Path) -> VolumeReport:
    """Measures the file system: total, available to this user, and used by the cache."""
    found = os.statvfs(root)
    return VolumeReport(
        total=found.f_blocks * found.f_frsize, used=_used(root), available=found.f_bavail * found.f_frsize
    )


def free_bytes(root: Path) -> int:
    """Bytes that are available to this user."""
    found = os.statvfs(root)
    return found.f_bavail * found.f_frsize


def _used(root: Path) -> int:
    """Bytes of the cache's files; hard links count once."""
    sizes = {}
    for own in (HUB, AIM):
        for folder, _, names in os.walk(root / own):
            for name in names:
                try:
                    found = Path(folder, name).lstat()
                except FileNotFoundError:
                    continue  # another download may rename its files
                sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())


def sync_folder(folder: Path) -> None:
    """Syncs a folder, so that its names survive a power failure."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def write_atomically(path: Path, text: str) -> None:
    """Writes a file atomically: readers find the former content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.urandom(8).hex()}.tmp")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
