"""Timestamps in the form of the Kubernetes API: RFC 3339, in UTC, to the second."""

from datetime import UTC, datetime


def format_timestamp(when: datetime) -> str:
    """`2026-11-23T12:00:00Z` for a time with any time zone."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
