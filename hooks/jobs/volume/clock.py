"""The time, for reports and for waiting."""

import time
from datetime import UTC, datetime

from aimlib.kube.timestamp import written


def now() -> datetime:
    """The time of day, in UTC."""
    return datetime.now(UTC)


def stamp() -> str:
    """The time of day as it is written in reports, RFC 3339 in UTC."""
    return written(now())


def seconds() -> float:
    """Seconds since some moment, which no change of the clock disturbs."""
    return time.monotonic()
