"""Python's tracebacks in a log, also where the lines of several processes alternate and where the beginning is cut."""

import re
from collections.abc import Iterable

from aimlib.diagnosis.log_lines import Line

HEAD = "Traceback (most recent call last):"
FRAME = re.compile(r'\s{2,}File "[^"]{1,500}", line \d+')
EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(?::(?: |$)|$)")
"""The first line of an exception: its class, and a message."""
BARE = re.compile(r"[A-Za-z_][\w.]{0,200}(?:Error|Exception)(?:: |$)")
"""An exception without its frames: printed so, or cut."""
CHAINED = re.compile(
    "During handling of the above exception, another exception occurred:"
    "|The above exception was the direct cause of the following exception:"
)
ENGINE_HEAD = re.compile(r"hit an exception|^Process \S+:$")
"""What SGLang, and Python's multiprocessing, print before the traceback of a process that ends by it."""
OUTER_PROCESSES = {"", "APIServer"}
"""Processes that report an error of the engine, or one of a request, rather than its cause; with a number after it."""
QUIET = {"DEBUG", "INFO", "WARNING"}
"""Levels of lines that are no error."""
MESSAGE_LINES = 20
"""Lines that are kept of a message of an exception."""


class Traceback:
    """One traceback, with the exceptions that led to each other."""

    def __init__(self, at: int, head: Line, *, engine: bool) -> None:
        self.first = self.last = at
        """Numbers of its first and its last line."""
        self.engine = engine
        """Whether a process of the engine printed it, and not the server in front of it."""
        self.exceptions: list[list[str]] = []
        """The lines of each exception, without the frames."""
        self.state = "frames"
        self.stamp = head.stamp if head.process else ""

    def read(self, line: Line, at: int) -> bool:
        """Reads a line of the same process; whether it is a part of the traceback."""
        belongs = {"frames": self._frame, "message": self._message, "chained": self._next}[self.state](line)
        self.last = at if belongs else self.last
        return belongs

    def _frame(self, line: Line) -> bool:
        if not line.text.strip() or line.text[0] in " ^":
            return True
        found = line.stamp == self.stamp and EXCEPTION.match(line.text) is not None
        if found:
            self.begin_message(line)
        return found

    def begin_message(self, line: Line) -> None:
        """Takes a line as the first one of an exception."""
        self.exceptions.append([line.text])
        self.state, self.stamp = "message", line.stamp

    def _message(self, line: Line) -> bool:
        if CHAINED.search(line.text):
            self.state = "chained"
            return True
        belongs = line.stamp == self.stamp and HEAD not in line.text and FRAME.match(line.text) is None
        if belongs and line.text.strip() and len(self.exceptions[-1]) < MESSAGE_LINES:
            self.exceptions[-1].append(line.text)
        return belongs or not line.text.strip()

    def _next(self, line: Line) -> bool:
        if line.text.strip():
            self.state = "frames"
        return HEAD in line.text or self._frame(line)


def tracebacks(lines: Iterable[Line]) -> tuple[list[Traceback], list[tuple[int, Line]]]:
    """The tracebacks that have an exception, in the order of their beginnings; and the other lines, numbered."""
    found: list[Traceback] = []
    others: list[tuple[int, Line]] = []
    open_of: dict[str, Traceback] = {}
    before: dict[str, str] = {}
    for at, line in enumerate(lines):
        traceback = open_of.get(line.process)
        if traceback is None or not traceback.read(line, at):
            bare = BARE.match(line.text) and line.level not in QUIET
            if line.text.endswith(HEAD) or FRAME.match(line.text) or bare:
                head = line.text.removesuffix(HEAD).strip() or before.get(line.process, "")
                inner = line.process.rstrip("_0123456789") not in OUTER_PROCESSES
                traceback = open_of[line.process] = Traceback(at, line, engine=inner or bool(ENGINE_HEAD.search(head)))
                found.append(traceback)
                if bare:
                    traceback.begin_message(line)
            else:
                others.append((at, line))
                if traceback is not None and traceback.state == "message":
                    del open_of[line.process]
        before[line.process] = line.text
    return [traceback for traceback in found if traceback.exceptions], others
