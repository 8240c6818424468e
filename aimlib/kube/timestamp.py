"""Timestamps in the form of the Kubernetes API: RFC 3339, in UTC, to the second."""

from datetime import UTC, datetime

FIRST_YEAR, LAST_YEAR = 2, 9998
"""Years of which every time exists in every time zone, and days may be added to and subtracted from."""


def format_timestamp(when: datetime) -> str:
    """`2026-11-23T12:00:00Z` for a time with any time zone."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_time(text: object) -> bool:
    """Whether what another program wrote is a time with a time zone."""
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def is_written_time(text: object) -> bool:
    """Whether a text is a time in the one form that we and the API server write, of which texts compare as times do."""
    found = parse_time(text)
    return found is not None and format_timestamp(found) == text


def parse_time(text: object) -> datetime | None:
    """A time that another program wrote, in UTC; None where it is no time, or one at the end of all times."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
