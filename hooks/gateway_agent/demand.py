"""The demand of endpoints for an autoscaler. Envoy is asked only when that is, and at most once a second."""

import asyncio
import json
from collections.abc import Callable, Mapping

from aimlib.gateway.demand import Lease, leased, seen_of
from aimlib.gateway.table import ModelTable

AGE_SECONDS = 1.0
"""How old Envoy's numbers may be: a thousand endpoints that are asked for one after the other are one look."""


class Demand:
    """The leases of all endpoints that were ever asked for and are in the table."""

    def __init__(
        self,
        table: Callable[[], ModelTable | None],
        held: Callable[[], Mapping[str, int]],
        counts: Callable[[], Mapping[str, int] | None],
    ) -> None:
        self._table, self._held, self._read = table, held, counts
        self._leases: dict[str, Lease] = {}
        self._counts: Mapping[str, int] | None = None
        self._read_at = -AGE_SECONDS
        self._reading = asyncio.Lock()

    async def answer(self, endpoint: str) -> tuple[int, bytes]:
        """Status and JSON. What is not known is a 503, since no number would be taken for none."""
        table = self._table()
        if table is None:
            return _problem(503, "the table of models is not there yet")
        tracks = table.tracks(endpoint)
        if not tracks:
            return _problem(404, "there is no such endpoint: /demand/NAMESPACE/ENDPOINT")
        counts = await self._current()
        if counts is None:
            return _problem(503, "Envoy does not answer")
        seen = seen_of(tracks, self._held(), counts)
        names = {one.name.rpartition("/")[0] for served in table.models for one in served.targets}
        kept = {name: lease for name, lease in self._leases.items() if name in names}
        lease = leased(kept.get(endpoint), seen, asyncio.get_running_loop().time())
        self._leases = {**kept, endpoint: lease}
        return 200, json.dumps({"demand": lease.demand(seen)}).encode()

    async def _current(self) -> Mapping[str, int] | None:
        """Envoy's numbers, not older than AGE_SECONDS."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._read_at >= AGE_SECONDS:
                self._counts = await asyncio.to_thread(self._read)
                self._read_at = now
            return self._counts


def _problem(status: int, words: str) -> tuple[int, bytes]:
    return status, json.dumps({"error": words}).encode()
