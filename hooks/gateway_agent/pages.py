"""The agent's pages: its probes, the metrics of the gateway, Envoy's included, and the demand of each endpoint."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST

from hooks.gateway_agent import metrics
from hooks.gateway_agent.demand import Demand
from hooks.gateway_agent.envoy_admin import EnvoyAdmin
from hooks.gateway_agent.http_head import MAX_HEAD_BYTES, Head, HeadError, read_head

READ_SECONDS = 10.0
DEMAND = "/demand/"
Page = tuple[int, bytes, str]


class Pages:
    """What is behind the port for metrics."""

    def __init__(
        self, admin: EnvoyAdmin, demand: Demand, is_alive: Callable[[], bool], is_complete: Callable[[], bool]
    ) -> None:
        self._admin, self._demand = admin, demand
        self._pages: dict[str, Callable[[], Awaitable[Page]]] = {
            "/healthz": lambda: _probe(is_alive),
            "/ready": lambda: _probe(lambda: is_complete() and admin.is_ready()),
            "/metrics": self._metrics,
        }

    async def _metrics(self) -> Page:
        envoy = await asyncio.to_thread(self._admin.metrics)
        return 200, metrics.agent_metrics() + envoy, CONTENT_TYPE_LATEST

    async def _page(self, path: str) -> Page:
        if path.startswith(DEMAND):
            return *await self._demand.answer(path.removeprefix(DEMAND)), "application/json"
        page = self._pages.get(path)
        return await page() if page else (404, b"there is no such page\n", "text/plain")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; the connection is closed after it."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                head = await read_head(reader)
                status, body, kind = await self._page(head.first[1].partition("?")[0])
                headers = (("content-type", kind), ("content-length", str(len(body))), ("connection", "close"))
                writer.write(Head(("HTTP/1.1", str(status), "-"), headers).encoded() + body)
                await writer.drain()
        except (HeadError, EOFError, OSError, TimeoutError):
            pass  # whoever asked for a page so does not get one
        finally:
            writer.close()

    async def serve(self, address: str, port: int) -> asyncio.Server:
        """Begin to answer."""
        return await asyncio.start_server(self.answer, address, port, limit=MAX_HEAD_BYTES)


async def _probe(is_good: Callable[[], bool]) -> Page:
    good = await asyncio.to_thread(is_good)
    return (200, b"ok\n", "text/plain") if good else (503, b"not now\n", "text/plain")
