"""What a sync has changed, counted and written to the audit record: once, and never at the cost of an answer."""

from typing import Any

from aimlib.protocol.metacontroller import Request
from hooks.observability import audit_entry, metrics
from hooks.observability.changes import Told, change
from hooks.observability.logs import audit_logger, logger

TOLD = Told(20_000)
"""Changes told by this process: 64 characters of digests each."""


def record(asked: Request, said: dict[str, Any], release: str) -> None:
    """Count and write what is new in the answer to a sync. What goes wrong is counted and logged."""
    try:
        found = change(asked, said.get("status"))
        if found is None or not TOLD.is_new(asked, found):
            return
        metrics.decided(found)
        if found.lasting:
            audit_logger().info("", extra={"line": audit_entry.line(asked, found, release)})
            metrics.RECORDS.labels("written").inc()
    except Exception:  # noqa: BLE001 - the answer is right, whatever becomes of its record
        metrics.RECORDS.labels("failed").inc()
        logger().exception("the audit record lacks a line")
