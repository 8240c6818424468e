"""The beginning of a request or an answer of HTTP/1.1, as the agent's two ports read it."""

import asyncio
from dataclasses import dataclass

from aimlib.errors import InvalidInputError

MAX_HEAD_BYTES = 64 * 1024
"""Of Envoy's own requests, which has bounded those of clients to 60 KiB."""


class HeadError(InvalidInputError):
    """What came is no HTTP/1.1, or too long."""


@dataclass(frozen=True)
class Head:
    """First line and headers."""

    first: tuple[str, str, str]
    """Method, path and version, or version, status and reason."""
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The first header of that name, in small letters; empty without one."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def without(self, *names: str) -> "Head":
        """Without the headers of these names, in small letters."""
        return Head(self.first, tuple(one for one in self.headers if one[0].lower() not in names))

    def encoded(self, **more: str) -> bytes:
        """As it is sent, with more headers."""
        lines = [" ".join(self.first), *(f"{key}: {value}" for key, value in (*self.headers, *more.items()))]
        return "\r\n".join((*lines, "", "")).encode("latin-1")


async def read_head(reader: asyncio.StreamReader) -> Head:
    """The next one. HeadError, and IncompleteReadError where the other end is gone."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise HeadError("the headers are too long") from None
    first, *lines = raw.decode("latin-1")[:-4].split("\r\n")
    parts = first.split(" ", 2)
    pairs = [line.partition(":") for line in lines]
    if len(parts) < 2 or not all(colon for _, colon, _ in pairs):
        raise HeadError("this is no HTTP/1.1")
    return Head((parts[0], parts[1], "".join(parts[2:])), tuple((key, value.strip()) for key, _, value in pairs))
