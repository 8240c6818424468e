"""The agent as it runs: rounds in a thread, and its ports, until it is ended by a signal."""

import asyncio
import signal
from collections.abc import Callable

from aimlib.gateway.table import HOLDER
from hooks.gateway_agent import metrics
from hooks.gateway_agent.demand import Demand
from hooks.gateway_agent.envoy_admin import EnvoyAdmin
from hooks.gateway_agent.holding import Holder
from hooks.gateway_agent.pages import Pages
from hooks.gateway_agent.rounds import Rounds

ROUND_SECONDS = 2.0
LEAST_DRAIN_SECONDS = 10.0
"""Until those who send requests know that this pod is about to end."""
DRAIN_POLL_SECONDS = 1.0
STUCK_SECONDS = 120.0
"""Without the end of a round: it is alive no more."""


class Program:
    """One run."""

    def __init__(self, rounds: Rounds, admin: EnvoyAdmin, drain_seconds: float) -> None:
        self._rounds, self._admin, self._drain_seconds = rounds, admin, drain_seconds
        self._last_round = 0.0
        self._stopping = asyncio.Event()

    async def run(self, address: str, metrics_port: int, hold_port: int) -> int:
        """Until SIGTERM or SIGINT; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        self._last_round = loop.time()
        is_alive = lambda: loop.time() - self._last_round < STUCK_SECONDS  # noqa: E731 - of this loop
        holder = Holder(lambda: self._rounds.table)
        demand = Demand(lambda: self._rounds.loaded, lambda: holder.held, self._admin.target_counts)
        own = Pages(self._admin, demand, is_alive, lambda: self._rounds.complete)
        pages = await own.serve(address, metrics_port)
        held = metrics.HeldRequests(lambda: {name: holder.held[name] for name in holder.targets()})
        for one in (held, holder.first_tokens):
            metrics.REGISTRY.register(one)
        # One that ran before may have ended while it let Envoy drain.
        await asyncio.to_thread(self._admin.take_requests, takes=True)
        async with pages, await holder.serve(HOLDER, hold_port):
            while not self._stopping.is_set():
                await asyncio.to_thread(self._rounds.run)
                self._last_round = loop.time()
                await self._sleep(ROUND_SECONDS)
            await self._drain(loop.time)
        for one in (held, holder.first_tokens):
            metrics.REGISTRY.unregister(one)
        return 0

    async def _drain(self, now: Callable[[], float]) -> None:
        """Let requests end: the container of Envoy ends after this one where it is a sidecar."""
        began = now()
        if self._drain_seconds:
            await asyncio.to_thread(self._admin.take_requests, takes=False)
        while (passed := now() - began) < self._drain_seconds:
            if passed >= LEAST_DRAIN_SECONDS and not await asyncio.to_thread(self._admin.active_requests):
                return
            await asyncio.sleep(DRAIN_POLL_SECONDS)

    async def _sleep(self, seconds: float) -> None:
        """So long, or until it is ended."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
