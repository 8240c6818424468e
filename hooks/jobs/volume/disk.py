"""What the file system says of itself, and what makes written files last."""

import os
from pathlib import Path

from aimlib.caching.job_reports import VolumeReport

HUB, AIM = "hub", ".aim"
"""The folders of a volume that are the cache's: the models, and what is known of them."""


def measured(root: Path) -> VolumeReport:
    """Bytes of the file system: in all, free for this user, and those of the cache's own files."""
    found = os.statvfs(root)
    return VolumeReport(
        total=found.f_blocks * found.f_frsize, used=_used(root), available=found.f_bavail * found.f_frsize
    )


def free(root: Path) -> int:
    """Bytes that this user may still write."""
    found = os.statvfs(root)
    return found.f_bavail * found.f_frsize


def _used(root: Path) -> int:
    """Bytes of the cache's files; one with several names counts once."""
    sizes = {}
    for own in (HUB, AIM):
        for folder, _, names in os.walk(root / own):
            for name in names:
                try:
                    found = Path(folder, name).lstat()
                except FileNotFoundError:
                    continue  # another download renames its files meanwhile
                sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())


def settle(folder: Path) -> None:
    """Make the names in a folder last through a power failure."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def replace(path: Path, text: str) -> None:
    """Write a file such that there is always either the former content or all of the new one."""
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
    settle(path.parent)
