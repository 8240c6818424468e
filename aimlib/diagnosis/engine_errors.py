"""Finds the first cause in an engine's log, by the table of known errors (`data/engine_errors.yaml`).

A text is a whole log, or its last 2 KiB or 80 lines, which the kubelet keeps (terminationMessagePolicy
FallbackToLogsOnError). With several processes, the one that fails first has the cause, and the others follow: what
the API server prints last says only that the engine failed. Possible secrets are hidden.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, islice, pairwise
from typing import NamedTuple

from aimlib.data import load_data
from aimlib.diagnosis.log_lines import Line, one_line, read_lines, stable
from aimlib.diagnosis.secret_patterns import hide_secrets
from aimlib.diagnosis.tracebacks import Traceback, tracebacks

QUOTED_LENGTH = 300
"""Maximum number of characters of a quoted line."""
READ_LENGTH = 8192
"""Maximum number of characters that are read of a message of another program."""
LOG_LENGTH = 256 * 2**10
"""Maximum number of characters that are read of a log: its end. Eight workers that fail print 100 KB."""
NEAR_LINES = 100
"""Lines that may stand between two errors that led to each other, and after the last: what a shutdown prints."""
MOST_CAUSES = 8
"""Causes that are kept of a log: which of the workers prints its error first differs between attempts."""


class Diagnosis(NamedTuple):
    """A cause: the reason, empty for an error that the table does not know, and a message that quotes the log."""

    reason: str
    message: str


class Findings(NamedTuple):
    """What a log has about the end of its engine."""

    causes: tuple[Diagnosis, ...]
    """The first is the one to report; the others could have been it, had their processes been faster."""
    failed: bool
    """Whether a process of the engine failed: then the server in front of it ends, and may do so in order."""
    secondary: str
    """Without a cause: the last error that follows from one, which was printed before the text begins."""
    last_line: str
    """The last line that no request and no progress left; empty where there is none."""


def examine(text: str) -> Findings:
    """What an engine's log has about its end."""
    lines = read_lines(text, LOG_LENGTH)
    found, others = tracebacks(lines)
    found = [traceback for traceback in found if not _matches("ending", traceback.exceptions[-1][0])]
    led = _chain(found, len(lines))
    near = [line for at, line in others if at >= len(lines) - NEAR_LINES]
    first = [traceback for traceback in led if _first_exceptions(traceback)]
    inner = [traceback for traceback in first if traceback.engine]
    # Without an engine's error the last one ended the server; earlier ones may be of requests.
    candidates = inner[:MOST_CAUSES] or first[-1:]
    causes = _causes(candidates) if candidates else _known(_message(_errors(near))) or _aborted(near)
    printed = [line.text for line in near] + [traceback.exceptions[-1][0] for traceback in led]
    secondary = next((shortened(stable(text)) for text in reversed(printed) if _follows(text)), "")
    return Findings(causes, bool(inner or secondary), "" if causes else secondary, _last_line(near))


def diagnose(text: str) -> Diagnosis | None:
    """The known error of an engine that ended with this log; None where the table has none."""
    return next((cause for cause in examine(text).causes if cause.reason), None)


def known_reasons() -> frozenset[str]:
    """The reasons in the table."""
    return frozenset(reason for (reason, _), _ in _table())


def last_line(text: str) -> str:
    """The last line that no request and no progress left; empty where there is none."""
    return _last_line(read_lines(text, READ_LENGTH))


def shortened(text: str) -> str:
    """A text on one line, without secrets, cut to the maximum length of quotations."""
    line = hide_secrets(one_line(text[:READ_LENGTH]))
    return line if len(line) <= QUOTED_LENGTH else f"{line[: QUOTED_LENGTH - 1]}…"


def _chain(found: list[Traceback], end: int) -> list[Traceback]:
    """The tracebacks that led to the end: from the last one backwards, as long as they are near each other."""
    near: list[Traceback] = []
    for traceback in sorted(found, key=lambda one: one.last, reverse=True):
        if end - traceback.last > NEAR_LINES:
            break
        near.append(traceback)
        end = min(end, traceback.first)
    return sorted(near, key=lambda one: one.first)


def _causes(candidates: list[Traceback]) -> tuple[Diagnosis, ...]:
    """What is known of each traceback, or else its last exception; the known ones first."""
    causes: list[Diagnosis] = []
    for traceback in candidates:
        unknown = Diagnosis("", _quoted(_first_exceptions(traceback)[-1]))
        causes += _known(_message(chain.from_iterable(traceback.exceptions))) or (unknown,)
    return tuple(dict.fromkeys(sorted(causes, key=lambda cause: not cause.reason)))


def _aborted(near: Iterable[Line]) -> tuple[Diagnosis, ...]:
    """The error of a program that ends without a traceback."""
    found = (match for line in near if (match := ABORTED.match(stable(line.text))))
    return tuple(Diagnosis("", shortened(match["error"])) for match in islice(found, 1))


ABORTED = re.compile(r"(?:what\(\):\s{1,9}|(?=Fatal Python error: ))(?P<error>.+)")
"""What libstdc++ prints of an exception that nobody catches, and Python's faulthandler of a signal."""


LAST_ERROR = "Last error:"
"""NCCL and RCCL have the cause in the line below."""


def _quoted(exception: list[str]) -> str:
    """The first line of an exception, and the one of its message that has the cause, where it is further below."""
    first, *others = map(stable, exception)
    last = next((following for line, following in pairwise(others) if line.startswith(LAST_ERROR)), "")
    cause = next((line for line in others if _matches("details", line)), last)
    return shortened(f"{first[: QUOTED_LENGTH // 2].rstrip(':')}: {cause}" if cause else first)


def _first_exceptions(traceback: Traceback) -> list[list[str]]:
    """The exceptions that do not follow from one of another process."""
    return [exception for exception in traceback.exceptions if not _follows(exception[0])]


def _follows(text: str) -> bool:
    return _matches("secondary", text)


def _errors(lines: Iterable[Line]) -> Iterator[str]:
    return (line.text for line in lines if line.level in {"", "ERROR", "CRITICAL"})


def _message(lines: Iterable[str]) -> str:
    """The lines as they may be quoted; the last ones, as many as are read of a message."""
    read: list[str] = []
    for line in reversed([*lines]):
        if sum(map(len, read)) < READ_LENGTH:
            read.append(hide_secrets(stable(line)))
    return "\n".join(reversed(read))


def _known(message: str) -> tuple[Diagnosis, ...]:
    """The first entry of the table that matches."""
    matches = ((entry, pattern.search(message)) for entry, patterns in _table() for pattern in patterns)
    causes = (Diagnosis(entry[0], f"{entry[1]}: {shortened(match.group())}") for entry, match in matches if match)
    return tuple(islice(causes, 1))


def _last_line(lines: list[Line]) -> str:
    texts = (stable(line.text) for line in reversed(lines) if line.level not in {"DEBUG", "INFO"})
    return shortened(next((text for text in texts if re.search(r"\w", text) and not _matches("progress", text)), ""))


def _matches(key: str, text: str) -> bool:
    return _pattern(key).search(text) is not None


@cache
def _pattern(key: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for row in load_data("engine_errors")[key] for pattern in row["found"]))


@cache
def _table() -> tuple[tuple[tuple[str, str], tuple[re.Pattern[str], ...]], ...]:
    return tuple(
        ((error["reason"], error["means"]), tuple(map(re.compile, error["found"])))
        for error in load_data("engine_errors")["errors"]
    )
