"""Limits of one process: bytes of requests in memory, seconds for them to arrive, anonymous connections."""

from collections.abc import Callable
from typing import NamedTuple

from werkzeug.exceptions import TooManyRequests

MAX_BODY = 16 * 2**20
"""Bytes of a request: that of 5,000 nodes has 4 to 8 MB. One of these in each process fits into the memory limit."""
MAX_HEAD = 16 * 2**10
"""Bytes of a request line and its headers. Those of Metacontroller and the API server have less than 1 KiB."""
MAX_UNAUTHENTICATED = 64 * 2**10
"""Bytes of a body that are read before its token. In Metacontroller's requests it stands within the first 1 KiB."""
ARRIVAL_SECONDS = 10.0
"""Time for a whole request to arrive. Those of Metacontroller and the API server take milliseconds."""
WRITE_SECONDS = 10.0
"""Time for a client to take a whole response."""
MAX_ANONYMOUS = 600
"""Connections of clients that have not shown a token. With another one, the oldest is closed."""


class BodyBudget:
    """Bytes of accepted bodies that may be in memory at the same time; a single body always fits."""

    def __init__(self, size: int = MAX_BODY) -> None:
        self._free = size

    def take(self, size: int) -> None:
        """Takes so many bytes; TooManyRequests where too few are free, after which Metacontroller retries."""
        if size > self._free:
            raise TooManyRequests(f"a body of {size} bytes while {self._free} bytes are free; retry")
        self._free -= size

    def give_back(self, size: int) -> None:
        """Gives them back."""
        self._free += size


class BodyRule(NamedTuple):
    """How the body of a request is read; for a request without a rule, none is."""

    largest: int
    budget: BodyBudget
    refusal: Callable[[bytes], str | None] | None = None
    """Why the token at the beginning of the body is not accepted; None where the head already had it."""


RuleOf = Callable[[str, str, str], BodyRule | None]
"""Returns the rule for a method, a path and a port."""
