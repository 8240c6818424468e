"""Errors of work on a volume: a reason, which determines the exit code, and a message with the facts."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.download_errors import OUTCOMES
from aimlib.errors import AimError, UnavailableError
from aimlib.printable import printable
from hooks.jobs.volume import disk
from hooks.jobs.volume.folder_handles import WrongKindError

MAX_MESSAGE = 4096
"""Most characters of a message, as in the status."""


class DownloadError(AimError):
    """Ends a download: a reason of `aimlib.caching.download_errors`, and a message."""

    def __init__(self, reason: str, message: str) -> None:
        self.message = printable(message, MAX_MESSAGE)
        super().__init__(self.message)
        self.reason, self.code = reason, OUTCOMES[reason].code


class TransientError(UnavailableError):
    """A failure that a retry may not meet, after `wait` seconds where the server requested them."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        self.message, self.wait = printable(message, MAX_MESSAGE), wait
        super().__init__(self.message)


MAX_PLACE = 1024
"""Most characters of a path in a message."""
FULL_ERRORS = {errno.ENOSPC: "is full", errno.EDQUOT: "has reached its quota"}
VOLUME_ERRORS = {
    errno.EROFS: "is read-only",
    errno.EACCES: "is not writable for user {user}",
    errno.EPERM: "is not writable for user {user}",
    errno.ENOTDIR: "has a file where a folder belongs",
    errno.EISDIR: "has a folder where a file belongs",
}


@contextmanager
def as_download_errors(root: Path) -> Iterator[None]:
    """Turns OSErrors of the volume into DownloadErrors."""
    try:
        yield
    except OSError as error:
        raise volume_error(root, error) from error


def volume_error(root: Path, error: OSError) -> DownloadError:
    """The DownloadError of an OSError."""
    name = error.filename2 or error.filename
    place = f": {name}" if name else ""
    if error.errno in FULL_ERRORS:
        free = format_bytes(disk.free_bytes(root))
        return DownloadError(
            "NoSpace",
            f"the volume at {root} {FULL_ERRORS[error.errno]} ({free} free); make it larger, or keep fewer models",
        )
    if isinstance(error, WrongKindError):
        return DownloadError(
            "VolumeRefused", f"the volume at {root} has {error.strerror}{printable(place, MAX_PLACE)}: remove it"
        )
    message = VOLUME_ERRORS.get(error.errno or 0, f"fails with {error.strerror or error}").replace(
        "{user}", str(os.getuid())
    )
    return DownloadError("VolumeRefused", f"the volume at {root} {message}{printable(place, MAX_PLACE)}")
