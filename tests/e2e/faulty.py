"""Servers that stand where the API server expects the webhooks, and each do one thing wrong."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hooks.certificates import issuing
from tests.cluster import mounts
from tests.cluster.operator import HOST
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import free_ports

Fault = Callable[[ControlPlane, Path], AbstractContextManager[int]]
"""From the control plane and a folder to write to: the port."""


class Answers(BaseHTTPRequestHandler):
    """Answers all questions alike."""

    code, body = 200, b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.code)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Over TLS; each handshake in the thread of its connection."""

    def __init__(self, answers: type[Answers], certificate: Path, key: Path) -> None:
        super().__init__((HOST, 0), answers)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever does not trust the certificate hangs up."""


@contextmanager
def serving(answers: type[Answers], certificate: Path, key: Path) -> Iterator[int]:
    with Server(answers, certificate, key) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="faulty webhooks", daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def answering(code: int, body: bytes) -> Fault:
    """With the right certificate, and the same answer to everything."""
    answers = type("Fixed", (Answers,), {"code": code, "body": body})

    def fault(plane: ControlPlane, _: Path) -> AbstractContextManager[int]:
        place = mounts.folder(plane, mounts.TLS)
        return serving(answers, place / "tls.crt", place / "tls.key")

    return fault


def foreign(_: ControlPlane, folder: Path) -> AbstractContextManager[int]:
    """With a certificate for the right address, by an authority that nobody trusts."""
    now = datetime.now(UTC)
    made = issuing.server(issuing.authority(now), frozenset({HOST}), now)
    (folder / "tls.crt").write_text(made.certificate.text)
    (folder / "tls.key").write_text(made.key)
    return serving(Answers, folder / "tls.crt", folder / "tls.key")


@contextmanager
def silent(*_: object) -> Iterator[int]:
    """Takes connections, and says nothing on them."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def nobody(*_: object) -> Iterator[int]:
    """Refuses connections."""
    yield from free_ports(1)


FAULTS: dict[str, Fault] = {
    "nobody": nobody,
    "slow": silent,
    "a foreign certificate": foreign,
    "no JSON": answering(200, b"<html>"),
    "no review": answering(200, b"{}"),
    "an error": answering(500, b'{"error": "internal error"}'),
}
