"""Sizes of the file system."""

from pathlib import Path

from aimlib.caching.job_reports import VolumeReport
from hooks.jobs.volume.volume_files import VolumeFiles

HUB, AIM = "hub", ".aim"
"""The cache's folders on a volume: the models, and the operator's own files."""


def measure(root: Path) -> VolumeReport:
    """Measures the file system: total, available to this user, and used by the cache."""
    found = VolumeFiles(root).space()
    return VolumeReport(
        total=found.f_blocks * found.f_frsize, used=_used(root), available=found.f_bavail * found.f_frsize
    )


def free_bytes(root: Path) -> int:
    """Bytes that are available to this user."""
    found = VolumeFiles(root).space()
    return found.f_bavail * found.f_frsize


def _used(root: Path) -> int:
    """Bytes of the cache's files; hard links count once."""
    files = VolumeFiles(root)
    found = (one.stat for own in (HUB, AIM) for one in files.tree(root / own))
    return sum({(one.st_dev, one.st_ino): one.st_size for one in found}.values())
