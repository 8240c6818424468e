"""What one process takes on at a time: bytes of bodies, and seconds that a request may take to arrive."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from time import monotonic

from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Request

MAX_BODY = 16 * 2**20
"""Bytes of a request: that of 5,000 nodes has 4 to 8 MB. One of these in each process fits into the memory limit."""
ARRIVAL_SECONDS = 10.0
"""For a request to arrive in whole. What Metacontroller and the API server send comes within milliseconds."""


def size(asked: Request, largest: int) -> int:
    """Bytes to hold for the body of a request; one that does not tell its size may be the largest.

    RequestEntityTooLarge of werkzeug, before anything of it is read.
    """
    told, _ = asked.content_length, asked.stream  # which is refused where it is too large
    return largest if told is None else told


class Room:
    """Bytes of bodies that are held at the same time. One body always finds room when nothing else is there."""

    def __init__(self, size: int = MAX_BODY) -> None:
        self._free, self._lock = size, Lock()

    @contextmanager
    def of(self, size: int) -> Iterator[None]:
        """Hold so many bytes; TooManyRequests where others hold them, and then Metacontroller comes again."""
        with self._lock:
            if size > self._free:
                raise TooManyRequests(f"a body of {size} bytes, while there is room for {self._free} in this moment")
            self._free -= size
        try:
            yield
        finally:
            with self._lock:
                self._free += size


class Arrivals:
    """The requests that threads are reading now, and by when each must be there."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._waiting: dict[int, tuple[float, Callable[[], None]]] = {}

    def expect(self, cut: Callable[[], None]) -> None:
        """This thread begins to read a request; `cut` ends that when it is late."""
        self._waiting[get_ident()] = self._now() + ARRIVAL_SECONDS, cut

    def arrived(self) -> None:
        """The request that this thread reads is there, or given up."""
        self._waiting.pop(get_ident(), None)

    def cut_late(self) -> None:
        """Cut off what is late."""
        for thread, waiting in list(self._waiting.items()):
            deadline, cut = waiting
            if deadline <= self._now() and self._waiting.get(thread) is waiting:
                self._waiting.pop(thread, None)
                cut()


arrivals = Arrivals()
"""Of this process: the worker says when a request begins to arrive, the application when it is there."""
