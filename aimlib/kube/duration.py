"""Durations with one unit, such as 30d: parses them to seconds, and formats seconds."""

import re

from aimlib.errors import InvalidInputError

UNIT_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
DURATION_PATTERN = re.compile(r"([0-9]{1,8})([smhdw])")
LATENCY_PATTERN = re.compile(r"([1-9][0-9]{0,5})(ms|s)")
FORMATTED_UNITS = ("d", "h", "m", "s")
"""Without weeks, because 45d is easier to compare with 30d than 6w 3d."""


class InvalidDurationError(InvalidInputError):
    """A text that is not a duration such as 30d."""


def parse_duration(text: str) -> int:
    """The seconds of a duration such as 30d; InvalidDurationError for any other text."""
    if not (found := DURATION_PATTERN.fullmatch(text.strip())):
        raise InvalidDurationError(f"{text!r} is not a duration such as 30d, 12h or 45m")
    return int(found[1]) * UNIT_SECONDS[found[2]]


def parse_latency(text: str) -> float:
    """The seconds of a short duration such as 500ms or 2s; InvalidDurationError for any other text."""
    if not (found := LATENCY_PATTERN.fullmatch(text.strip())):
        raise InvalidDurationError(f"{text!r} is not a duration such as 500ms or 2s")
    return int(found[1]) / (1000 if found[2] == "ms" else 1)


def format_duration(seconds: float) -> str:
    """Seconds, rounded down, in the largest unit that they fill and the next one: 45d, 1d 12h, 0s."""
    left, counts = int(seconds), []
    for unit in FORMATTED_UNITS:
        count, left = divmod(left, UNIT_SECONDS[unit])
        counts.append((count, unit))
    first = next((place for place, (count, _) in enumerate(counts) if count), len(counts) - 1)
    return " ".join(f"{count}{unit}" for count, unit in counts[first : first + 2] if count) or "0s"
