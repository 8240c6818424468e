"""The progress of a download, counted by several threads."""

import threading


class Progress:
    """Bytes on the volume, and their total."""

    def __init__(self, total: int, done: int = 0) -> None:
        self.total, self._done = total, done
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Adds bytes; a negative count removes some."""
        with self._lock:
            self._done += count

    @property
    def done(self) -> int:
        return self._done
