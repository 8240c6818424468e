"""What kube-proxy does: a connection to a Service goes to one of the pods that are ready behind it, in turn."""

import asyncio
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Self

from tests.dataplane.services import Place, Service

CONNECT_SECONDS = 10.0
PIECE = 65536


def wanted(services: Iterable[Service]) -> dict[Place, tuple[Place, ...]]:
    """Where each port of each ClusterIP leads to."""
    return {
        (one.address, port): one.ready.get(name, ())
        for one in services
        if one.address
        for name, port in one.ports.items()
    }


class Forwarding:
    """A listener for each Service, all in one thread; a context."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="forwarding", daemon=True)
        self.listeners: dict[Place, asyncio.Server] = {}
        self.targets: dict[Place, tuple[Place, ...]] = {}
        self.turns: dict[Place, int] = {}
        self.connections: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def follow(self, targets: Mapping[Place, tuple[Place, ...]]) -> None:
        """Listen on these places and on no others, and lead to these pods from now on; open connections stay."""
        asyncio.run_coroutine_threadsafe(self._follow(dict(targets)), self.loop).result()

    async def _follow(self, targets: dict[Place, tuple[Place, ...]]) -> None:
        for gone in self.listeners.keys() - targets.keys():
            self.listeners.pop(gone).close()
        self.targets = targets
        for place in targets.keys() - self.listeners.keys():
            self.listeners[place] = await asyncio.start_server(self._accept(place), *place)

    async def _end(self) -> None:
        await self._follow({})
        for task in self.connections:
            task.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)

    def _accept(self, place: Place):
        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self.loop.create_task(self._forward(place, reader, writer))
            self.connections.add(task)
            task.add_done_callback(self.connections.discard)

        return accepted

    async def _forward(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if pods := self.targets.get(place):
                turn = self.turns[place] = self.turns.get(place, -1) + 1
                with suppress(OSError, TimeoutError):
                    connecting = asyncio.open_connection(*pods[turn % len(pods)])
                    from_pod, to_pod = await asyncio.wait_for(connecting, CONNECT_SECONDS)
                    try:
                        await asyncio.gather(_copy(reader, to_pod), _copy(from_pod, writer))
                    finally:
                        to_pod.close()
        finally:
            writer.close()  # where nothing is ready, this is all


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(PIECE):
        target.write(data)
        await target.drain()
    target.write_eof()
