"""The progress of a download, counted by several threads, and how fast it is."""

import threading

from aimlib.caching.byte_sizes import format_bytes
from hooks.jobs.volume import clock

SETTLING_SECONDS = 2.0
"""Seconds after which a rate says something."""


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


class Pace:
    """The rate since a state began, of what was not there before, and how long the rest takes at that rate."""

    def __init__(self) -> None:
        self.state: str | None = None
        self.began = 0.0
        self.done_before = 0

    def text(self, state: str, done: int, total: int) -> str:
        """`310 MiB/s, 2 min left`; empty while nothing can be said."""
        if state != self.state:
            self.state, self.began, self.done_before = state, clock.monotonic(), done
        seconds, moved = clock.monotonic() - self.began, done - self.done_before
        if seconds < SETTLING_SECONDS or moved <= 0 or done >= total:
            return ""
        return f"{format_bytes(int(moved / seconds))}/s, {_duration((total - done) * seconds / moved)} left"


def _duration(seconds: float) -> str:
    """In the largest units that it fills, rounded up."""
    whole = int(seconds) + 1
    if whole < 60:
        return f"{whole} s"
    minutes = -(-whole // 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"
