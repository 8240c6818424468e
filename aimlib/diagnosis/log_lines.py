"""The lines of an engine's log: which process wrote a line, at what level, and the text without the prefix.

Quotations must be equal at every attempt, or the status would never converge: times, process ids and the like are
removed. What users wrote in a request is no line of the engine.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from aimlib.data import load_data
from aimlib.printable import printable

MESSAGE_BYTES = 2048
"""Bytes that the kubelet keeps: a text of this length may begin in the middle of a word."""
LINE_LENGTH = 4096
"""Maximum number of characters that are read of a line."""
MOST_LINES = 4000
"""Lines that are read of a log, the last ones: what takes the processor is the number of lines."""
MOST_PREFIXES = 6
"""Prefixes of one line: those of the process that wrote it and of the processes that passed it on."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")

PREFIX = re.compile(
    r" {0,8}(?:"
    r"\(?\[?(?P<process>[A-Za-z][\w-]{0,60}) (?:rank=\d{1,9}, )?\(?pid=\d{1,19}[^)\]]{0,80}\)?\]?\)?"
    r"|\[(?P<rank>rank\d{1,6})\]:"
    r"|\[?(?P<glog>[IWEF])\d{3,4} [\d:.]{5,20}[^\]]{0,120}\]"
    r"|\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]{0,12}(?:Z|[+-]\d\d:?\d\d)?(?P<place>(?: [A-Z]{2}\d{1,4}){0,4})\]?"
    r"|(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)"
    r"(?:: {0,9}|(?= \w{1,80}\.py:\d)| {1,4}\d\d-\d\d \d\d:\d\d:\d\d[.\d]{0,10})"
    r"|(?P<file>\[[\w./]{1,120}\.py:\d{1,6}\])"
    r")(?: |(?=\[)|$)"
)
"""One prefix of a line of vLLM, SGLang, Ray, uvicorn, PyTorch or glog, and the blank after it; indentation stays."""
GLOG_LEVELS = {"I": "INFO", "W": "WARNING", "E": "ERROR", "F": "CRITICAL"}

VARIABLE_PARTS = re.compile(
    r"\s{0,9}\(Request ID: [^()]{0,200}\)|\b0x[0-9a-fA-F]+\b|\bpid[= ]\d+\b| Failed core proc\(s\): \{[^{}]{0,200}\}"
    r"|(?<=\w)<\d{1,5}>"
)
"""Parts within a line that differ between attempts: ids of requests and processes, addresses, who ended meanwhile, and
ports as NCCL has them."""


class Line(NamedTuple):
    """One line of a log."""

    process: str
    """The name of the process in the prefix, such as EngineCore; empty where there is none."""
    stamp: str
    """The rest of the prefix that is equal in all lines of one record; empty for a line without prefix."""
    level: str
    """DEBUG, INFO, WARNING, ERROR or CRITICAL; empty where the prefix has none."""
    text: str
    """What follows the prefix, with its indentation."""


def read_lines(text: str, limit: int) -> list[Line]:
    """The lines in the last `limit` characters of a log, without what follows from requests of users."""
    if len(text) > limit or len(text.encode(errors="replace")) >= MESSAGE_BYTES:
        text = text[-limit:]
        text = text.partition("\n")[2] or text.partition(" ")[2]
    return [*_without_requests(map(_read_line, text.splitlines()[-MOST_LINES:]))]


def one_line(text: str) -> str:
    """A text of another program on one line: without colours, control characters and runs of blanks."""
    return " ".join(printable(COLOUR.sub("", text)).split())


def stable(text: str) -> str:
    """A line without the parts within it that differ between attempts."""
    return one_line(VARIABLE_PARTS.sub("", text))


def _read_line(found: str) -> Line:
    text = printable(COLOUR.sub("", found[:LINE_LENGTH]))
    process = level = file = place = ""
    at = 0
    for _ in range(MOST_PREFIXES):
        prefix = PREFIX.match(text, at)
        if prefix is None or prefix.end() == at:
            break
        at = prefix.end()
        process = prefix["process"] or prefix["rank"] or process
        level = prefix["level"] or GLOG_LEVELS.get(prefix["glog"] or "", level)
        file, place = prefix["file"] or file, prefix["place"] or place
    stamp = f"{process}{place} {level} {file}" if at else ""
    return Line(process, stamp, level, text[at:])


def _without_requests(lines: Iterator[Line]) -> Iterator[Line]:
    """The lines but for records of requests, whose further lines have no prefix: a prompt may look like an error."""
    within = False
    for line in lines:
        within = _requests().search(line.text) is not None if line.stamp else within
        if not within:
            yield line


@cache
def _requests() -> re.Pattern[str]:
    rows = load_data("engine_errors")["requests"]
    return re.compile("|".join(pattern for row in rows for pattern in row["found"]))
