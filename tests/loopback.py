"""Servers of the tests' own, on loopback: they answer in threads, and are stopped and closed afterwards."""

import json
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any


class Answering(BaseHTTPRequestHandler):
    """One connection; says nothing of what is asked on it, since other tests read standard error."""

    def body(self) -> bytes:
        """What came with the request."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def reply(self, status: int, body: bytes, content_type: str = "application/json", **headers: str) -> None:
        """Answer in whole."""
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, status: int, answer: Any) -> None:
        """Answer with JSON."""
        self.reply(status, json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Loopback(ThreadingHTTPServer):
    """Listens on a port of 127.0.0.1, behind TLS where a context is given; each connection has a thread."""

    daemon_threads = True

    def __init__(
        self, answering: type[BaseHTTPRequestHandler], port: int = 0, context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(("127.0.0.1", port), answering)
        if context:
            # The handshake is the connection's own thread's: a caller that gives up half-way keeps nobody waiting.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *told: Any) -> None:
        """A caller that hung up is no news: it was stopped, or its patience is what is tested."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*told)


def tls(certificate: object, key: object = None) -> ssl.SSLContext:
    """For a server with these files; without a key it is in that of the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(certificate), key and str(key))
    return context


@contextmanager
def answering(server: BaseServer, name: str) -> Iterator[None]:
    """It answers while the context lasts; `name` is that of its thread."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
