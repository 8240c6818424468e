"""What is made of the files of a mounted Secret, and made again when they change."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from hooks.observability.logs import logger

Made = TypeVar("Made")
Identity = list[tuple[int, int]]


class Mounted(Generic[Made]):
    """Calls `make` for the first time, and whenever the files are others than before.

    Kubernetes exchanges all files of a Secret at once, by a link. Files of which nothing can be made are said in the
    log, once, and what was made of the former ones goes on.
    """

    def __init__(self, files: Sequence[Path], make: Callable[[], Made]) -> None:
        self._files, self._make = files, make
        self._seen: Identity = []
        self._made: Made | None = None
        self._lock = Lock()

    def __call__(self) -> Made:
        """What the files say now. OSError and ValueError of `make` where nothing was ever made."""
        with self._lock:
            seen = self._identity()
            if self._made is not None and seen == self._seen:
                return self._made
            self._seen = seen
            try:
                self._made = self._make()
            except (OSError, ValueError) as error:
                if self._made is None:
                    raise
                self._complain(error)
            return self._made

    def _identity(self) -> Identity:
        try:
            return [(found.st_ino, found.st_mtime_ns) for found in map(os.stat, self._files)]
        except OSError:
            return []

    def _complain(self, error: Exception) -> None:
        facts = {"files": [str(one) for one in self._files], "error": str(error)}
        logger().error("files cannot be used, and what they were before goes on", extra={"facts": facts})
