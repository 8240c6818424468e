"""Text of other programs, made safe to print: without characters that control a terminal or reorder what is read."""

import re

SPACES = re.compile(r"[\t\r\x0b\x0c\x85\u2028\u2029]+")
"""Control characters that separate words: a space takes their place."""
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""C0 without the line feed, DEL and C1; the controls of bidirectional text; halves of surrogate pairs, which UTF-8
cannot encode."""


def printable(text: str, limit: int | None = None, *, newlines: bool = False) -> str:
    """`text` without control characters, at most `limit` characters of it; line feeds stay where `newlines` is set."""
    if text.isprintable():  # most are; none of the characters below is printable (Unicode's Cc, Cf, Cs, Zl and Zp)
        return text[:limit]
    bounded = text if limit is None else text[: 2 * limit]
    cleaned = CONTROLS.sub("", SPACES.sub(" ", bounded if newlines else bounded.replace("\n", " ")))
    return cleaned[:limit]
