"""Points in time as the Kubernetes API writes them: RFC 3339, in UTC, to the second."""

from datetime import UTC, datetime


def format_timestamp(when: datetime) -> str:
    """`2026-11-23T12:00:00Z` for a time with a zone, whichever that is."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
