"""How work on a volume fails: the reason, which decides the exit code, and a sentence with the facts."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aimlib.caching import byte_sizes
from aimlib.caching.download_errors import OUTCOMES
from hooks.jobs.volume import disk


class DownloadError(Exception):
    """What ends a download: one of the reasons of `aimlib.caching.download_errors`, and what happened in words."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message, self.code = reason, message, OUTCOMES[reason].code


class TransientError(Exception):
    """What may be different at the next try, after `wait` seconds where the server said so."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.message, self.wait = message, wait


FULL = {errno.ENOSPC: "is full", errno.EDQUOT: "has reached its quota"}
REFUSED = {
    errno.EROFS: "is read-only",
    errno.EACCES: "may not be written to by user {user}",
    errno.EPERM: "may not be written to by user {user}",
    errno.ENOTDIR: "has a file where a folder belongs",
    errno.EISDIR: "has a folder where a file belongs",
}


@contextmanager
def worded(root: Path) -> Iterator[None]:
    """Turns what the operating system says about the volume into a DownloadError."""
    try:
        yield
    except OSError as error:
        raise of_volume(root, error) from error


def of_volume(root: Path, error: OSError) -> DownloadError:
    """The failure that an error of the operating system is."""
    name = error.filename2 or error.filename
    place = f": {name}" if name else ""
    if error.errno in FULL:
        free = byte_sizes.words(disk.measured(root).available)
        return DownloadError(
            "NoSpace", f"the volume at {root} {FULL[error.errno]} ({free} free); make it larger, or keep fewer models"
        )
    said = REFUSED.get(error.errno or 0, f"fails with {error.strerror or error}").replace("{user}", str(os.getuid()))
    return DownloadError("VolumeRefused", f"the volume at {root} {said}{place}")
