"""Counts the change that a sync made, and writes it to the audit record: once, and without failing the sync."""

from typing import Any

from aimlib.protocol.metacontroller import Request
from hooks.observability import audit_entry, metrics
from hooks.observability.changes import RecentChanges, detect_change
from hooks.observability.logs import audit_logger, logger

RECORDED = RecentChanges(20_000)
"""The changes that this process recorded: 128 characters of digests each."""


def record(request: Request, response: dict[str, Any], release: str) -> None:
    """Counts and writes the change in the response to a sync; errors are counted and logged.

    A response without a status, as to customize, leaves the one that there is.
    """
    if not response.get("status"):
        return
    try:
        change = detect_change(request, response.get("status"))
        if change is None or not RECORDED.is_new(request, change):
            return
        metrics.count_change(change)
        if change.recorded:
            audit_logger().info("", extra={"line": audit_entry.audit_line(request, change, release)})
            metrics.AUDIT_RECORDS.labels("written").inc()
    except Exception:  # noqa: BLE001 - the response is right without its record
        metrics.AUDIT_RECORDS.labels("failed").inc()
        logger().exception("a line of the audit record could not be written")
