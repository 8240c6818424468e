"""Reloads a value when the files of a mounted Secret change."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from hooks.observability.logs import logger

Loaded = TypeVar("Loaded")
FileVersions = list[tuple[int, int]]


class Reloaded(Generic[Loaded]):
    """Calls `load` at first use, and whenever the files have changed.

    Kubernetes replaces all files of a Secret at once, by a symbolic link. When new files cannot be loaded, the error is
    logged once, and the former value stays in use.
    """

    def __init__(self, files: Sequence[Path], load: Callable[[], Loaded]) -> None:
        self._files, self._load = files, load
        self._versions: FileVersions = []
        self._value: Loaded | None = None
        self._lock = Lock()

    def __call__(self) -> Loaded:
        """The value of the present files. OSError and ValueError of `load` where there is no former value."""
        with self._lock:
            versions = self._read_versions()
            if self._value is not None and versions == self._versions:
                return self._value
            self._versions = versions
            try:
                self._value = self._load()
            except (OSError, ValueError) as error:
                if self._value is None:
                    raise
                self._log_error(error)
            return self._value

    def _read_versions(self) -> FileVersions:
        try:
            return [(stat.st_ino, stat.st_mtime_ns) for stat in map(os.stat, self._files)]
        except OSError:
            return []

    def _log_error(self, error: Exception) -> None:
        facts = {"files": [str(file) for file in self._files], "error": str(error)}
        logger().error("files cannot be loaded; the former ones stay in use", extra={"facts": facts})
