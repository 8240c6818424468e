"""What a hub has sent and been asked, counted to the byte, and what happens when a count is reached."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Request(NamedTuple):
    """A request as it was answered."""

    method: str
    path: str
    """With its query."""
    status: int
    range: str | None
    authorised: bool
    """Whether it carried an Authorization header."""
    host: str
    """`hub`, or `cdn` for the second host."""
    proxied: bool = False
    """Whether it was asked as a proxy is."""


class Ledger:
    """Bytes of file contents by model and path, and all requests."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.still = threading.Condition(self.lock)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.requests: list[Request] = []
        self._total = 0
        self._bodies = 0
        self._alarm: tuple[int, Callable[[], object]] | None = None

    @contextmanager
    def body(self) -> Iterator[None]:
        """While this lasts, a body is being sent."""
        with self.lock:
            self._bodies += 1
        try:
            yield
        finally:
            with self.still:
                self._bodies -= 1
                self.still.notify_all()

    def settle(self, seconds: float) -> None:
        """Wait until no body is being sent. TimeoutError."""
        with self.still:
            if not self.still.wait_for(lambda: not self._bodies, seconds):
                raise TimeoutError(f"still sending {self._bodies} files after {seconds} seconds")

    def alarm(self, count: int, call: Callable[[], object]) -> None:
        """Call once, when so many bytes more were sent in all; no other byte is sent before that returns."""
        with self.lock:
            self._alarm = (self._total + count, call)

    def allow(self, key: tuple[str, str], wanted: int) -> int:
        """How many of the wanted bytes may be sent now, at least one; they are counted as sent."""
        with self.lock:
            if self._alarm and self._total >= self._alarm[0]:
                call, self._alarm = self._alarm[1], None
                call()
            granted = min(wanted, self._alarm[0] - self._total) if self._alarm else wanted
            self._count(key, granted)
            return granted

    def take_back(self, key: tuple[str, str], unsent: int) -> None:
        """Allowed bytes that could not be sent."""
        with self.lock:
            self._count(key, -unsent)

    def _count(self, key: tuple[str, str], count: int) -> None:
        self.counts[key] += count
        self._total += count
