"""Trying again: how often and how long, and being stopped meanwhile."""

import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from hooks.jobs.volume.errors import DownloadError, TransientError

Result = TypeVar("Result")


class StoppedError(Exception):
    """The work is not wanted any more: something else has failed, or the process is to end."""


class Patience(NamedTuple):
    """How often something is tried that got nowhere, and the seconds between."""

    tries: int = 6
    first: float = 1
    longest: float = 30
    longest_asked: float = 300
    """Of a server that asks to be left alone; the hub counts its limits in windows of five minutes (its RateLimit
    headers)."""

    def pause(self, failed: int, asked: float | None) -> float:
        """Seconds after so many failures in a row."""
        if asked is not None:
            return min(asked, self.longest_asked)
        return min(self.first * 2.0 ** (failed - 1), self.longest)


def persist(
    action: Callable[[], Result], patience: Patience, stop: threading.Event, moved: Callable[[], int] = int
) -> Result:
    """The result of `action`, which is done again after a TransientError.

    The tries count from the last time that `moved` said something else. DownloadError (Network) after all of them,
    StoppedError when `stop` is set.
    """
    failed, mark = 0, moved()
    while True:
        try:
            return action()
        except TransientError as error:
            failed, mark = (failed + 1 if moved() == mark else 1), moved()
            if failed >= patience.tries:
                raise DownloadError("Network", f"{error.message}; gave up after {failed} tries") from error
            if stop.wait(patience.pause(failed, error.wait)):
                raise StoppedError from None
