"""Logs as JSON lines: events on standard error, the audit record on standard output."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, message, and the record's `facts`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        facts = getattr(record, "facts", {})
        line |= {key: value for key, value in facts.items() if value is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class AuditLines(logging.Formatter):
    """The record's `line`, a JSON object, and nothing else."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(vars(record)["line"])


class RaisingStreamHandler(logging.StreamHandler[TextIO]):
    """A handler that raises when a line cannot be written, instead of printing the error."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's own name
        raise  # noqa: PLE0704 - logging calls this while it deals with the exception


def audit_logger() -> logging.Logger:
    """The audit record's logger. It has a stream of its own, so that a collector can keep it for longer."""
    log = logging.getLogger("aim.audit")
    if not log.handlers:
        handler = RaisingStreamHandler(sys.stdout)
        handler.setFormatter(AuditLines())
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False
    return log


def logger() -> logging.Logger:
    """The hook server's logger."""
    log = logging.getLogger("aim.hooks")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False
    return log
