"""A queue of keys in which a key waits at most once and is never worked on twice at a time."""

import heapq
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable

from .ratelimit import Backoff, TokenBucket


class WorkQueue:
    """client-go's work queue: `add` while a key is worked on means once more afterwards.

    A key is put off once: to the earliest of the times that were named (util/workqueue/delaying_queue.go, `insert`).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._backoff = Backoff()
        self._retries = TokenBucket(rate=10, burst=100, clock=clock)
        self._changed = threading.Condition()
        self._ready: deque[Hashable] = deque()
        self._waiting: set[Hashable] = set()
        self._working: set[Hashable] = set()
        self._later: list[tuple[float, int, Hashable]] = []
        self._put_off: dict[Hashable, float] = {}
        self._tie = itertools.count()
        self._closed = False

    def add(self, key: Hashable) -> None:
        with self._changed:
            self._add(key)

    def add_after(self, key: Hashable, seconds: float) -> None:
        with self._changed:
            if seconds <= 0:
                self._add(key)
                return
            due = self._clock() + seconds
            if due < self._put_off.get(key, math.inf):
                self._put_off[key] = due
                heapq.heappush(self._later, (due, next(self._tie), key))
                self._changed.notify()

    def add_rate_limited(self, key: Hashable) -> None:
        """After its own growing delay, or later where all keys together fail more than ten times a second."""
        self.add_after(key, max(self._backoff.failed(key), self._retries.reserve()))

    def forget(self, key: Hashable) -> None:
        """End of the key's failures: the next delay is the shortest again."""
        self._backoff.forget(key)

    def get(self) -> Hashable | None:
        """The next key, to be given back with `done`; None once the queue is shut down."""
        with self._changed:
            while not self._closed:
                now = self._clock()
                while self._later and self._later[0][0] <= now:
                    due, _, key = heapq.heappop(self._later)
                    if self._put_off.get(key) == due:  # else an earlier time took its place
                        del self._put_off[key]
                        self._add(key)
                if self._ready:
                    key = self._ready.popleft()
                    self._waiting.discard(key)
                    self._working.add(key)
                    if self._ready or self._later:
                        self._changed.notify()  # another one watches over what is left
                    return key
                self._changed.wait(self._later[0][0] - now if self._later else None)
            return None

    def done(self, key: Hashable) -> None:
        with self._changed:
            self._working.discard(key)
            if key in self._waiting:
                self._ready.append(key)
                self._changed.notify()

    def shut_down(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, key: Hashable) -> None:
        if key in self._waiting or self._closed:
            return
        self._waiting.add(key)
        if key not in self._working:
            self._ready.append(key)
            self._changed.notify()
