"""Reads what the API server sends within limits: objects of a tenant's own making may be of any number and size."""

import time
from types import TracebackType
from typing import Any, Protocol

from pydantic_core import from_json

from aimlib.errors import UnavailableError

READ_AT_ONCE = 2**16


class UnreadResponse(Protocol):
    """A response whose body is not read yet."""

    def __enter__(self) -> Any: ...  # noqa: ANN401 - itself
    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None, /
    ) -> object: ...
    def read1(self, amt: int) -> bytes: ...


class TooLargeError(UnavailableError):
    """A response has more bytes than are read."""


def body_start(response: UnreadResponse, most: int, deadline: float, what: str) -> bytearray:
    """The first bytes of a body, at most so many. TimeoutError where they are not there by then (time.monotonic)."""
    body = bytearray()
    with response:
        while len(body) < most and (chunk := response.read1(min(READ_AT_ONCE, most - len(body)))):
            body += chunk
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not arrive in time")
    return body


def json_within(response: UnreadResponse, most: int, seconds: float, what: str) -> Any:  # noqa: ANN401 - JSON
    """The JSON of a body. TooLargeError where it has more bytes; TimeoutError; ValueError for what is no JSON."""
    body = body_start(response, most + 1, time.monotonic() + seconds, what)
    if len(body) > most:
        raise TooLargeError(f"{what} have more than {most >> 20} MiB")
    return from_json(bytes(body))
