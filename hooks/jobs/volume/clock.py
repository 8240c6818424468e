"""The clocks of reports and of waiting."""

import time
from datetime import UTC, datetime

from aimlib.kube.timestamp import format_timestamp


def now() -> datetime:
    """The time of day, in UTC."""
    return datetime.now(UTC)


def timestamp() -> str:
    """The time of day as in reports, RFC 3339 in UTC."""
    return format_timestamp(now())


def monotonic() -> float:
    """Seconds of a clock that is never set."""
    return time.monotonic()
