"""What a kubelet answers the API server about the pods of kubelet.py: their logs, and connections to their ports."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from urllib.parse import parse_qs, urlsplit

from tests.cluster.plane import ControlPlane
from tests.dataplane import port_forward
from tests.dataplane.gateway_replica import GatewayReplica
from tests.dataplane.replica import Replica
from tests.loopback import Answering, Loopback, answering, tls

PORT = 10250
"""That of kubelets; nodes.yaml says so, and names.py that the nodes are this machine."""


@contextmanager
def served(plane: ControlPlane, replicas: Mapping[str, Replica | GatewayReplica]) -> Iterator[None]:
    """Answer for as long as the context lasts, over TLS, which the API server does not verify here."""
    folder = plane.credentials.folder
    context = tls(folder / "apiserver.crt", folder / "apiserver.key")
    with answering(Loopback(partial(_Pods, replicas), PORT, context), "kubelet"):  # type: ignore[arg-type]
        yield


class _Pods(Answering):
    """GET /containerLogs/NAMESPACE/POD/CONTAINER with `previous`, `tailLines` and `limitBytes`.

    GET /portForward/NAMESPACE/POD with `port`, as a WebSocket.
    """

    def __init__(self, replicas: Mapping[str, Replica | GatewayReplica], *arguments: object) -> None:
        self.replicas = replicas
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(asked.query).items()}
        _, kind, *place = asked.path.split("/")
        found = [one for one in [*self.replicas.values()] if place[:2] == one.place]
        if not found or kind not in {"containerLogs", "portForward"}:
            self.reply(404, b"no such pod", "text/plain")
            return
        [one] = found
        if kind == "portForward":
            key = self.headers["Sec-WebSocket-Key"]
            port_forward.forward(self.connection, key, one.address, int(query["port"]))
            return
        file = one.log(one.restarts - 1 if query.get("previous") == "true" else one.attempt)
        if not file.exists():
            self.reply(400, b"previous terminated container not found", "text/plain")
            return
        lines = file.read_bytes().splitlines(keepends=True)
        kept = lines[-int(query["tailLines"]) :] if "tailLines" in query else lines
        self.reply(200, b"".join(kept)[: int(query.get("limitBytes", 2**31))], "text/plain")
