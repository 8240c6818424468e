"""How far a download is, counted by several threads."""

import threading


class Progress:
    """Bytes that are on the volume, of those that shall be."""

    def __init__(self, total: int, done: int = 0) -> None:
        self.total, self._done = total, done
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """So many bytes more; fewer, where it is negative."""
        with self._lock:
            self._done += count

    @property
    def done(self) -> int:
        return self._done
