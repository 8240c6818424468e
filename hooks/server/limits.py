"""Limits of one process: bytes of request bodies in memory, and seconds for a request to arrive."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from time import monotonic

from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Request

MAX_BODY = 16 * 2**20
"""Bytes of a request: that of 5,000 nodes has 4 to 8 MB. One of these in each process fits into the memory limit."""
ARRIVAL_SECONDS = 10.0
"""Time for a whole request to arrive. Those of Metacontroller and the API server take milliseconds."""


def body_size(request: Request, largest: int) -> int:
    """The bytes of a request's body; `largest` where its size is not declared.

    RequestEntityTooLarge of werkzeug, before any of it is read.
    """
    declared, _ = request.content_length, request.stream  # raises where it is too large
    return largest if declared is None else declared


class BodyBudget:
    """Bytes of bodies that may be in memory at the same time; a single body always fits."""

    def __init__(self, size: int = MAX_BODY) -> None:
        self._free, self._lock = size, Lock()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Holds so many bytes; TooManyRequests where too few are free, after which Metacontroller retries."""
        with self._lock:
            if size > self._free:
                raise TooManyRequests(f"a body of {size} bytes while {self._free} bytes are free; retry")
            self._free -= size
        try:
            yield
        finally:
            with self._lock:
                self._free += size


class Arrivals:
    """The requests that threads are reading, with deadlines."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._deadlines: dict[int, tuple[float, Callable[[], None]]] = {}

    def expect(self, cut: Callable[[], None]) -> None:
        """Registers that this thread reads a request; `cut` is called when it is late."""
        self._deadlines[get_ident()] = self._now() + ARRIVAL_SECONDS, cut

    def arrived(self) -> None:
        """Registers that this thread's request has arrived, or was given up."""
        self._deadlines.pop(get_ident(), None)

    def cut_late(self) -> None:
        """Cuts off the requests that are late."""
        for thread, entry in list(self._deadlines.items()):
            deadline, cut = entry
            if deadline <= self._now() and self._deadlines.get(thread) is entry:
                self._deadlines.pop(thread, None)
                cut()


arrivals = Arrivals()
"""The requests of this process: the worker registers their start, the application their arrival."""
