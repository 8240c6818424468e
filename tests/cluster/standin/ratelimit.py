"""The two brakes of client-go: a token bucket, and a delay that doubles with each failure of one item."""

import threading
import time
from collections.abc import Callable, Hashable


class TokenBucket:
    """`rate` tokens a second, of which at most `burst` are saved up."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._filled = float(burst), clock()
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take a token that may not exist yet; seconds until it does."""
        with self._lock:
            self._fill()
            self._tokens -= 1
            return max(0.0, -self._tokens / self._rate)

    def try_take(self) -> bool:
        """Take a token if there is one."""
        with self._lock:
            self._fill()
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(float(self._burst), self._tokens + (now - self._filled) * self._rate)
        self._filled = now


class Backoff:
    """Seconds to wait after each failure of an item: 5 ms, 10 ms, ... 1000 s, as in client-go's default."""

    def __init__(self, base: float = 0.005, ceiling: float = 1000.0) -> None:
        self._base, self._ceiling = base, ceiling
        self._failures: dict[Hashable, int] = {}
        self._lock = threading.Lock()

    def failed(self, item: Hashable) -> float:
        with self._lock:
            failures = self._failures.get(item, 0)
            self._failures[item] = failures + 1
        # 2 ** 64 is far beyond the ceiling, and a float overflows at 2 ** 1024
        return min(self._base * 2.0 ** min(failures, 64), self._ceiling)

    def forget(self, item: Hashable) -> None:
        with self._lock:
            self._failures.pop(item, None)
