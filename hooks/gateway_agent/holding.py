"""Holds requests for models without a replica, until one answers; Envoy sends such requests to the agent.

The agent reads of a request its headers alone while it waits: the body stays with Envoy. Where the answer is to be a
stream, it begins with comments that have the progress of the model.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from aimlib.errors import UnavailableError
from aimlib.gateway import errors
from aimlib.gateway.errors import Error
from aimlib.gateway.routed import SUSPENDED
from aimlib.gateway.routes import STREAMED, TARGET
from aimlib.gateway.table import HOLDER, ModelTable, Target
from hooks.gateway_agent import metrics
from hooks.gateway_agent.first_tokens import FirstTokens
from hooks.gateway_agent.forwarding import Forwarder, pass_on
from hooks.gateway_agent.http_head import MAX_HEAD_BYTES, Head, HeadError, read_head
from hooks.gateway_agent.waiting import WaitingLine

HEAD_SECONDS = 10.0
_TICK_SECONDS = 1.0
COMMENT_SECONDS = 10.0
QUIET_SECONDS = 2.0
"""Before the first comment: once a stream has begun, its status cannot be another one any more."""


class TurnedAwayError(UnavailableError):
    """A request that is not held, or not any longer."""

    def __init__(self, error: Error, outcome: str) -> None:
        super().__init__(error.message)
        self.error, self.outcome = error, outcome


class GoneError(UnavailableError):
    """The client has hung up."""


class Holder:
    """All requests that wait, for every model."""

    def __init__(self, table: Callable[[], ModelTable]) -> None:
        self._table = table
        self._lines: dict[str, WaitingLine] = {}
        self.held: Counter[str] = Counter()
        """How many wait, by target."""
        self._bytes = 0
        self.first_tokens = FirstTokens(self.targets, lambda: asyncio.get_running_loop().time())

    def targets(self) -> list[str]:
        """The names of all whose requests may be held."""
        table = self._table()
        found = (target for one in table.models for target in one.targets)
        return sorted({one.name for one in found if one.fallback and one.fallback.host == HOLDER})

    async def serve(self, address: str, port: int) -> asyncio.Server:
        """Begin to answer."""
        return await asyncio.start_server(self.answer, address, port, limit=MAX_HEAD_BYTES)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; its connection is closed after it."""
        with closing(writer), suppress(HeadError, EOFError, OSError, TimeoutError):
            async with asyncio.timeout(HEAD_SECONDS):
                head = await read_head(reader)
            name, client = head.get(TARGET), Forwarder(reader, writer)
            try:
                outcome = await self._hold(head, name, client)
            except TurnedAwayError as away:
                outcome = away.outcome
                await client.refuse(away.error)
            except GoneError:
                outcome = "gone"
            metrics.HELD_TOTAL.labels(outcome).inc()

    async def _hold(self, head: Head, name: str, client: Forwarder) -> str:
        self._awaited(name)
        passed_on = head.without(TARGET, STREAMED, "connection")
        client.told = lambda: self.first_tokens.came(name)
        reached = False
        with self.first_tokens.held(name):
            while not reached:
                with self._place(head, name):
                    address, target = await self._turn(name, head, client)
                reached = await pass_on(passed_on, client, address, target.port)
        return "answered"

    @contextmanager
    def _place(self, head: Head, name: str) -> Iterator[None]:
        """A place among those who wait. TurnedAwayError where there is none."""
        table = self._table()
        bounds, stated = table.holding, head.get("content-length")
        size = int(stated) if stated.isdecimal() else table.max_request_bytes * (head.get("transfer-encoding") != "")
        if not bounds.requests:
            raise TurnedAwayError(errors.NOT_READY, "not held")
        if self.held.total() >= bounds.requests or self._bytes + size > bounds.bytes:
            raise TurnedAwayError(errors.TOO_MANY_WAIT, "too many")
        self.held[name] += 1
        self._bytes += size
        try:
            yield
        finally:
            self.held[name] -= 1
            self._bytes -= size

    async def _turn(self, name: str, head: Head, client: Forwarder) -> tuple[str, Target]:
        """Wait for a replica: its address. TurnedAwayError past the bounds, GoneError without a client."""
        now = asyncio.get_running_loop().time
        streams, comment_at = head.get(STREAMED) == "true", client.since + QUIET_SECONDS
        line = self._lines.setdefault(name, WaitingLine(lambda: self._table().target_or_successor(name)))
        turn = line.join()
        try:
            while not (await asyncio.wait({turn}, timeout=_TICK_SECONDS))[0]:
                target = self._awaited(name)
                if not client.connected:
                    raise GoneError
                if now() - client.since > self._table().holding.seconds:
                    raise TurnedAwayError(errors.NOT_READY, "too long")
                if streams and now() >= comment_at:
                    await client.comment(target.progress)
                    comment_at = now() + COMMENT_SECONDS
            return turn.result(), self._target(name)
        finally:
            turn.cancel()

    def _awaited(self, name: str) -> Target:
        """The target, which may come. TurnedAwayError where nobody will start it."""
        target = self._target(name)
        if target.progress == SUSPENDED:
            raise TurnedAwayError(errors.SUSPENDED_MODEL, "suspended")
        return target

    def _target(self, name: str) -> Target:
        """As it is in the table now, or what has taken its place. TurnedAwayError where the endpoint is gone."""
        if found := self._table().target_or_successor(name):
            return found
        raise TurnedAwayError(errors.UNKNOWN_MODEL, "unknown")
