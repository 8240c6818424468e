"""Retries with backoff, until they are stopped."""

import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from aimlib.errors import AimError
from hooks.jobs.volume.errors import DownloadError, TransientError

Returned = TypeVar("Returned")


class CancelledError(AimError):
    """The work was stopped: another part has failed, or the process ends."""


class RetryPolicy(NamedTuple):
    """The number of attempts without progress, and the seconds between them."""

    attempts: int = 6
    first_pause: float = 1
    max_pause: float = 30
    max_retry_after: float = 300
    """The longest Retry-After that is honoured; the hub's rate limits apply to windows of five minutes (its RateLimit
    headers)."""

    def pause(self, failures: int, retry_after: float | None) -> float:
        """Seconds to wait after so many failures in a row."""
        if retry_after is not None:
            return min(retry_after, self.max_retry_after)
        return min(self.first_pause * 2.0 ** (failures - 1), self.max_pause)


def retry(
    action: Callable[[], Returned], retry_policy: RetryPolicy, stop: threading.Event, progress: Callable[[], int] = int
) -> Returned:
    """Calls `action` until it succeeds, again after each TransientError, and returns its result.

    Attempts are counted from the last change of `progress`. DownloadError (Network) after the last one, CancelledError
    when `stop` is set.
    """
    failures, position = 0, progress()
    while True:
        try:
            return action()
        except TransientError as error:
            failures, position = (failures + 1 if progress() == position else 1), progress()
            if failures >= retry_policy.attempts:
                raise DownloadError("Network", f"{error.message}; gave up after {failures} attempts") from error
            if stop.wait(retry_policy.pause(failures, error.wait)):
                raise CancelledError from None
