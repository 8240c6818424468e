"""Gunicorn as it is shipped, around the hooks or around the bare route, and a caller's kept-alive connection to it."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tests.bench.processes import members
from tests.cluster.controlplane import ROOT
from tests.cluster.processes import Process, free_ports, running

HOOKS = "hooks.server.app:create_app()"
BARE = "tests.bench.bare:create_app()"
WORKERS = int(os.environ.get("AIM_WORKERS", "2"))
"""As in the settings of gunicorn."""
START_SECONDS = 60


class Server(NamedTuple):
    """A running gunicorn and its port on loopback."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return [pid for pid in members(self.process.pid) if pid != self.process.pid]


@contextmanager
def serving(application: str, folder: Path) -> Iterator[Server]:
    """Gunicorn with the shipped settings; its log and its metrics lie in `folder`."""
    [port] = free_ports(1)
    name = application.partition(":")[0]
    metrics = folder / f"{name}.metrics"
    metrics.mkdir(parents=True)
    command = (sys.executable, "-m", "gunicorn", "--config", "python:hooks.server.gunicorn_conf")
    command += ("--bind", f"127.0.0.1:{port}", application)
    config = ROOT / "manifests" / "base" / "config.yaml"
    environment = {"PYTHONPATH": str(ROOT), "AIM_CONFIG": str(config), "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    with running(name, command, folder, **environment) as process:
        server = Server(process, port)
        # It listens before its workers are there, and workers are there before they have started.
        process.wait_until(lambda: _answers(port) and len(server.workers) == WORKERS, START_SECONDS)
        yield server


def _answers(port: int) -> bool:
    """Whether a worker answers with any status."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            line.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return line.recv(5) == b"HTTP/"
    except OSError:
        return False


class Connection:
    """One kept-alive HTTP connection; a plain socket, since a client library would cost as much as the server."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def post(self, path: str, body: bytes) -> float:
        """Seconds from the first byte sent to the last byte received; RuntimeError unless the answer is 200."""
        head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        began = time.perf_counter()
        self.socket.sendall(head.encode() + b"\r\n\r\n" + body)
        answer = self._answer()
        took = time.perf_counter() - began
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{path}: {answer[:500].decode(errors='replace')}")
        return took

    def _answer(self) -> bytes:
        got = self._until(b"", lambda so_far: b"\r\n\r\n" in so_far)
        head, _, _ = got.partition(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        return self._until(got, lambda so_far: len(so_far) >= len(head) + 4 + lengths[0])

    def _until(self, got: bytes, complete: Callable[[bytes], bool]) -> bytes:
        while not complete(got):
            more = self.socket.recv(2**18)
            if not more:
                raise RuntimeError("the server closed the connection")
            got += more
        return got
