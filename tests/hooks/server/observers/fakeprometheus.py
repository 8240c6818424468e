"""A Prometheus that answers what a test tells it, on loopback: down, slow, wrong, huge, or right."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

from tests.loopback import Answering, Loopback, answering, tls


def vector(figures: Mapping[str, float], namespace: str = "team-a", endpoint: str = "chat") -> bytes:
    """The answer with the figures of one endpoint, in the units of the recorded series."""
    labels = {"namespace": namespace, "aimendpoint": endpoint}
    result = [{"metric": {**labels, "figure": name}, "value": [0, str(value)]} for name, value in figures.items()]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


class FakePrometheus(Loopback):
    """Answers with `code` and `pieces`, waiting before each piece until `go` is set; keeps what it was asked."""

    def __init__(self, certificate: str | None) -> None:
        super().__init__(_Answers, context=tls(certificate) if certificate else None)
        self.code = 200
        self.pieces: list[bytes] = [vector({"throughput": 12})]
        self.go = threading.Event()
        self.go.set()
        self.pause = 0.0
        self.asked: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        """Without the scheme."""
        return f"127.0.0.1:{self.server_port}"


class _Answers(Answering):
    server: FakePrometheus

    def do_POST(self) -> None:
        form = self.body().decode()
        self.server.asked.append({"path": self.path, "headers": dict(self.headers), "form": parse_qs(form)})
        self.send_response(self.server.code)
        self.send_header("Location", f"http://{self.server.address}/elsewhere")
        self.end_headers()
        for piece in self.server.pieces:
            if self.server.pause:
                threading.Event().wait(self.server.pause)
            self.server.go.wait(10)
            self.wfile.write(piece)


@contextmanager
def fake_prometheus(certificate: str | None = None) -> Iterator[FakePrometheus]:
    """One that runs, behind TLS where a file with certificate and key is named."""
    server = FakePrometheus(certificate)
    with answering(server, "Prometheus"):
        try:
            yield server
        finally:
            server.go.set()
