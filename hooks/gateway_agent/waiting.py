"""Who waits for a model, in the order in which they came; let go by and by once the model has a replica."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress

from aimlib.gateway.clusters import HEALTH_PATH
from aimlib.gateway.table import Target
from hooks.gateway_agent.http_head import Head, HeadError, read_head

_PROBE_SECONDS = 1.0
PROBE_TIMEOUT_SECONDS = 2.0
RAMP_START = 4
"""So many for each replica at first, and twice as many with each second: what waited does not come all at once."""
_MAX_REPLICAS = 64
"""Of those that are asked for their health: more takes too long."""


class WaitingLine:
    """Those who wait for one target. Its replicas are looked for while anybody does."""

    def __init__(self, target: Callable[[], Target | None]) -> None:
        self._target = target
        self._waiting: deque[asyncio.Future[str]] = deque()
        self._looking: asyncio.Task[None] | None = None

    def join(self) -> "asyncio.Future[str]":
        """Resolves to the address of a replica that answers; cancel it to leave."""
        turn: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return turn

    async def _look(self) -> None:
        at_once = RAMP_START
        while self._still_waiting() and (target := self._target()):
            addresses = await answering(target)
            for number in range(at_once * len(addresses)):
                if not self._still_waiting():
                    return
                self._waiting.popleft().set_result(addresses[number % len(addresses)])
            at_once = 2 * at_once if addresses else RAMP_START
            await asyncio.sleep(_PROBE_SECONDS)

    def _still_waiting(self) -> bool:
        """Whether there is anybody, once those that left are gone from the front."""
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        return bool(self._waiting)


async def answering(target: Target) -> list[str]:
    """The addresses behind the target's name that answer their probe; none where there is no such name."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    addresses = sorted({str(one[4][0]) for one in found})[:_MAX_REPLICAS]
    healthy = await asyncio.gather(*(_answers(address, target.port) for address in addresses))
    return [address for address, good in zip(addresses, healthy, strict=True) if good]


async def _answers(address: str, port: int) -> bool:
    request = Head(("GET", HEALTH_PATH, "HTTP/1.1"), (("host", address), ("connection", "close")))
    with suppress(OSError, EOFError, TimeoutError, HeadError):
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(address, port)
            with closing(writer):
                writer.write(request.encoded())
                return (await read_head(reader)).first[1] == "200"
    return False
