"""The clock of commands that wait, and of answers that are measured."""

import time


def seconds() -> float:
    """Seconds of a clock that is never set."""
    return time.monotonic()


def pause(length: float) -> None:
    """Waits that many seconds."""
    time.sleep(length)


def unix_seconds() -> float:
    """Seconds since 1970."""
    return time.time()


def time_name() -> str:
    """Now, in UTC, as a part of a file's name."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime())


def day() -> str:
    """Today, in UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime())
