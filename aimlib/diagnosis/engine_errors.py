"""The last lines that a container wrote, and what is known of such words (`data/engine_errors.yaml`).

The kubelet keeps the last 2 KiB or 80 lines (terminationMessagePolicy FallbackToLogsOnError). What is quoted of them is
the same at every attempt: times, process ids and the like are left out, or the status would never settle. What may be a
secret is left out, too.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from aimlib.data import load_data
from aimlib.diagnosis.secret_patterns import hide_secrets

MESSAGE_BYTES = 2048
"""Bytes that the kubelet keeps: what is as long may begin in the middle of anything."""
QUOTED_LENGTH = 300
"""Characters of a line that are quoted at most."""

VARIABLE_PARTS = (
    r"\x1b\[[0-9;]*m",
    r"^\s*(?:\(?\[?\w+ (?:rank=\d+, )?\(?pid=\d+[^)\]]*\)?\]?\)?\s*)+",
    r"^\s*(?:\[rank\d+\]:)?\s*\[?[IWEF]\d{3,4} [\d:.]+[^\]]*\]\s*",
    r"^\s*\[rank\d+\]:\s*",
    r"^\s*\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z|[+-]\d\d:?\d\d)?(?: TP\d+)?\]?\s*",
    r"^\s*(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\s+\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\s*",
    r"^\s*\[[\w./]+\.py:\d+\]\s*",
    r"\s*\(Request ID: [^)]*\)",
    r"\b0x[0-9a-fA-F]+\b",
    r"\bpid[= ]\d+\b",
)
"""What differs from one attempt to the next: colours, and the beginnings of lines of vLLM, SGLang, PyTorch and glog."""


class Diagnosis(NamedTuple):
    """Words that are known: the reason, and the sentence with what was found."""

    reason: str
    message: str


def diagnose(text: str) -> Diagnosis | None:
    """The first entry of the table that is found in the last words of an engine; None when none is."""
    lines = "\n".join(stable_lines(text))
    found = ((one, pattern.search(lines)) for one, patterns in _table() for pattern in patterns)
    return next((Diagnosis(one[0], f"{one[1]}: {shortened(match.group())}") for one, match in found if match), None)


def last_line(text: str) -> str:
    """The last line that says anything; empty where there is none."""
    return shortened(next(reversed([*stable_lines(text)]), ""))


def stable_lines(text: str) -> Iterator[str]:
    """The lines that say anything, without what differs from one attempt to the next and without secrets."""
    if len(text.encode()) >= MESSAGE_BYTES:
        text = text.partition("\n")[2] or text.partition(" ")[2]
    for line in text.splitlines():
        for passing in VARIABLE_PARTS:
            line = re.sub(passing, "", line)  # noqa: PLW2901 - one after the other
        if re.search(r"\w", line):
            yield hide_secrets(line.strip())


def shortened(text: str) -> str:
    """A text in one line, without secrets, cut where it is too long to be quoted."""
    line = hide_secrets(" ".join(text.split()))
    return line if len(line) <= QUOTED_LENGTH else f"{line[: QUOTED_LENGTH - 1]}…"


@cache
def _table() -> tuple[tuple[tuple[str, str], tuple[re.Pattern[str], ...]], ...]:
    return tuple(
        ((one["reason"], one["means"]), tuple(map(re.compile, one["found"])))
        for one in load_data("engine_errors")["errors"]
    )
