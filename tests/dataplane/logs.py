"""What a kubelet answers the API server for `kubectl logs`: what the processes of kubelet.py wrote."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from urllib.parse import parse_qs, urlsplit

from tests.cluster.plane import ControlPlane
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
    with answering(Loopback(partial(_Logs, replicas), PORT, context), "logs"):  # type: ignore[arg-type]
        yield


class _Logs(Answering):
    """GET /containerLogs/NAMESPACE/POD/CONTAINER with `previous`, `tailLines` and `limitBytes`."""

    def __init__(self, replicas: Mapping[str, Replica | GatewayReplica], *arguments: object) -> None:
        self.replicas = replicas
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(asked.query).items()}
        _, kind, *place = asked.path.split("/")
        found = [one for one in [*self.replicas.values()] if place[:2] == one.place] if kind == "containerLogs" else []
        if not found:
            self.reply(404, b"no such pod", "text/plain")
            return
        [one] = found
        file = one.log(one.restarts - 1 if query.get("previous") == "true" else one.attempt)
        if not file.exists():
            self.reply(400, b"previous terminated container not found", "text/plain")
            return
        lines = file.read_bytes().splitlines(keepends=True)
        kept = lines[-int(query["tailLines"]) :] if "tailLines" in query else lines
        self.reply(200, b"".join(kept)[: int(query.get("limitBytes", 2**31))], "text/plain")
