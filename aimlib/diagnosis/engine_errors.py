"""Known error messages of engines and their causes (`data/engine_errors.yaml`), found in a container's last log lines.

The kubelet keeps the last 2 KiB or 80 lines (terminationMessagePolicy FallbackToLogsOnError). Quotations must be equal
at every attempt, or the status would never converge: times, process ids and the like are removed. Possible secrets are
hidden.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from aimlib.data import load_data
from aimlib.diagnosis.secret_patterns import hide_secrets
from aimlib.printable import printable

MESSAGE_BYTES = 2048
"""Bytes that the kubelet keeps: a text of this length may begin in the middle of a word."""
QUOTED_LENGTH = 300
"""Maximum number of characters of a quoted line."""
READ_LENGTH = 8192
"""Maximum number of characters that are read of a text of another program: its end, where the error is."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

VARIABLE_PARTS = (
    r"^\s*(?:\(?\[?\w+ (?:rank=\d+, )?\(?pid=\d+[^)\]]*\)?\]?\)?\s*)+",
    r"^\s*(?:\[rank\d+\]:)?\s*\[?[IWEF]\d{3,4} [\d:.]+[^\]]*\]\s*",
    r"^\s*\[rank\d+\]:\s*",
    r"^\s*\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z|[+-]\d\d:?\d\d)?(?: TP\d+)?\]?\s*",
    r"^\s*(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\s+\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\s*",
    r"^\s*\[[\w./]+\.py:\d+\]\s*",
    r"\s*\(Request ID: [^()]*\)",
    r"\b0x[0-9a-fA-F]+\b",
    r"\bpid[= ]\d+\b",
)
"""Parts that differ between attempts: the prefixes of log lines of vLLM, SGLang, PyTorch and glog, addresses and ids.

They are matched in lines without runs of blanks, and each in linear time.
"""


class Diagnosis(NamedTuple):
    """The cause of a known error: the reason, and a message that quotes the log."""

    reason: str
    message: str


def diagnose(text: str) -> Diagnosis | None:
    """The first entry of the table that matches an engine's last log lines; None when none does."""
    lines = "\n".join(stable_lines(text))
    matches = ((entry, pattern.search(lines)) for entry, patterns in _table() for pattern in patterns)
    return next(
        (Diagnosis(entry[0], f"{entry[1]}: {shortened(match.group())}") for entry, match in matches if match), None
    )


def last_line(text: str) -> str:
    """The last line that is not blank; empty where there is none."""
    return shortened(next(reversed([*stable_lines(text)]), ""))


def stable_lines(text: str) -> Iterator[str]:
    """The lines that are not blank, without parts that differ between attempts and without secrets."""
    if len(text.encode(errors="replace")) >= MESSAGE_BYTES:
        text = text.partition("\n")[2] or text.partition(" ")[2]
    for found in text[-READ_LENGTH:].splitlines():
        line = one_line(found)
        for pattern in VARIABLE_PARTS:
            line = re.sub(pattern, "", line)
        if re.search(r"\w", line):
            yield hide_secrets(line.strip())


def one_line(text: str) -> str:
    """A text of another program on one line: without colours, control characters and runs of blanks."""
    return " ".join(printable(COLOUR.sub("", text)).split())


def shortened(text: str) -> str:
    """A text on one line, without secrets, cut to the maximum length of quotations."""
    line = hide_secrets(one_line(text[:READ_LENGTH]))
    return line if len(line) <= QUOTED_LENGTH else f"{line[: QUOTED_LENGTH - 1]}…"


@cache
def _table() -> tuple[tuple[tuple[str, str], tuple[re.Pattern[str], ...]], ...]:
    return tuple(
        ((error["reason"], error["means"]), tuple(map(re.compile, error["found"])))
        for error in load_data("engine_errors")["errors"]
    )
