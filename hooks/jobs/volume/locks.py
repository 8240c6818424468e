"""Locks of a volume: files that one process at a time holds, on all nodes that mount it (flock)."""

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aimlib.printable import printable
from hooks.jobs.volume import clock
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume

INDEX = "index"
MODEL_WAIT, INDEX_WAIT = 3600.0, 600.0
"""Seconds to wait: for another download of the same model, and for a change of the index, which is short unless it is
rebuilt."""
POLL_SECONDS = 0.2
"""Seconds between two attempts to take a lock."""
UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


@contextmanager
def hold_lock(volume: MountedVolume, name: str, wait: float, log: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock of that name. DownloadError: Busy after `wait` seconds, VolumeRefused without flock."""
    file = volume.files.open_file(volume.locks / f"{name}.lock", os.O_RDWR | os.O_CREAT)
    try:
        _acquire(volume, name, file, wait, log)
        os.ftruncate(file, 0)
        os.pwrite(file, f"process {os.getpid()} on {os.uname().nodename}".encode(), 0)
        yield
    finally:
        os.close(file)


def _acquire(volume: MountedVolume, name: str, file: int, wait: float, log: Callable[[str], None]) -> None:
    began, logged = clock.monotonic(), False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = printable(os.pread(file, 256, 0).decode(errors="replace")) or "another process"
            if clock.monotonic() - began >= wait:
                raise DownloadError(
                    "Busy", f"{owner} has held the lock {name} of {volume.root} for {wait:.0f} seconds and more"
                ) from None
            if not logged:
                log(f"{owner} holds the lock {name} of {volume.root}; waiting for at most {wait:.0f} seconds")
            logged = True
            threading.Event().wait(POLL_SECONDS)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            raise DownloadError(
                "VolumeRefused",
                f"the file system of {volume.root} does not support locks (flock), which keep two downloads apart",
            ) from error
        else:
            return
