"""Logs as JSON lines: events on standard error, the audit record on standard output."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from hashlib import sha256
from typing import TextIO

ID_HEADER = "X-Request-Id"
"""The header in which a client may state the id of its request, and gets it back."""
REQUEST_ID = ContextVar("request_id", default="")
"""The id of the request that this thread answers; empty where it answers none."""
ID_LENGTH = 16
"""Hexadecimal digits of an id that is made here."""
USABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@contextmanager
def request_id(stated: str | None, body: bytes) -> Iterator[str]:
    """Puts an id into every line that is logged meanwhile: the client's, or one that equal bodies have in common.

    It is in the answer to a failed request, of which Metacontroller makes an event: if retries had ids of their own,
    each of them would be another event.
    """
    usable = stated is not None and USABLE_ID.fullmatch(stated)
    token = REQUEST_ID.set(str(stated) if usable else sha256(body).hexdigest()[:ID_LENGTH])
    try:
        yield REQUEST_ID.get()
    finally:
        REQUEST_ID.reset(token)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, message, id of the request, and the record's `facts`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if of := REQUEST_ID.get():
            line["request"] = of
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
