"""Logs as JSON lines: what happens on standard error, the audit record on standard output."""

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
    """The record's `line`, which is a JSON object, and nothing else."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(vars(record)["line"])


class Unforgiving(logging.StreamHandler[TextIO]):
    """A handler whose caller is told that a line could not be written, instead of standard error."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's own name
        raise  # noqa: PLE0704 - logging calls this while it deals with the exception


def audit_logger() -> logging.Logger:
    """The audit record's logger. One stream apart from the log, so that a collector can keep it for longer."""
    log = logging.getLogger("aim.audit")
    if not log.handlers:
        handler = Unforgiving(sys.stdout)
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
