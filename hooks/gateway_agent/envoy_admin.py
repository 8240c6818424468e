"""Envoy's own page, on loopback: what it has taken, its metrics, and that it is to take no more requests."""

import http.client
import json
from contextlib import closing, suppress

from aimlib.gateway.demand import CLUSTER_COUNTS

ADMIN_SECONDS = 5.0
ESCAPES = {ord(one): f"%{ord(one):02X}" for one in r"\|^$"}
"""Of expressions in a query."""
UPDATE_COUNTS = {
    "cds.json": "cluster_manager.cds",
    "rds.json": "http.gateway.rds.models",
    "lds.json": "listener_manager.lds",
}
"""Envoy counts under these names what it took and refused. The file of the certificate may have no reader yet."""
WARMING = "cluster_manager.warming_clusters"
"""Clusters whose pods are not known yet: a request for one would be refused."""
ACTIVE = "http.gateway.downstream_rq_active"


class EnvoyAdmin:
    """The admin listener of the Envoy in this pod."""

    def __init__(self, port: int) -> None:
        self._port = port

    def _request(self, method: str, path: str) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=ADMIN_SECONDS)) as connection:
            connection.request(method, path)
            reply = connection.getresponse()
            return reply.status, reply.read()

    def counts(self) -> dict[str, int] | None:
        """Its counts of files, and clusters that are warming; None where it does not answer."""
        return self._counts("|".join((*UPDATE_COUNTS.values(), WARMING, ACTIVE)).replace(".", r"\."))

    def target_counts(self) -> dict[str, int] | None:
        """The requests and members of all clusters, by name; None where it does not answer."""
        return self._counts(rf"^cluster\..*\.({'|'.join(CLUSTER_COUNTS)})$")

    def _counts(self, names: str) -> dict[str, int] | None:
        try:
            _, page = self._request("GET", f"/stats?format=json&filter=({names.translate(ESCAPES)})")
            found = json.loads(page)["stats"]
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return None
        return {one["name"]: one["value"] for one in found if isinstance(one.get("value"), int)}

    def is_ready(self) -> bool:
        """Whether it serves."""
        try:
            return self._request("GET", "/ready")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def active_requests(self) -> int:
        """How many it serves now; none where it does not answer."""
        return (self.counts() or {}).get(ACTIVE, 0)

    def take_requests(self, *, takes: bool) -> None:
        """Whether it is to answer its probe, and to keep connections; those that are open go on."""
        with suppress(OSError, http.client.HTTPException):
            self._request("POST", f"/healthcheck/{'ok' if takes else 'fail'}")

    def metrics(self) -> bytes:
        """Its metrics that were ever used, in Prometheus' format; nothing where it does not answer."""
        try:
            return self._request("GET", "/stats/prometheus?usedonly")[1]
        except (OSError, http.client.HTTPException):
            return b""


def has_taken(name: str, before: dict[str, int], now: dict[str, int]) -> bool | None:
    """Whether Envoy has taken a file: True or, where it has refused it, False; None where it has done neither yet."""
    prefix = UPDATE_COUNTS[name]
    if now.get(f"{prefix}.update_rejected", 0) > before.get(f"{prefix}.update_rejected", 0):
        return False
    taken = now.get(f"{prefix}.update_success", 0) > before.get(f"{prefix}.update_success", 0)
    return True if taken and not now.get(WARMING) else None
