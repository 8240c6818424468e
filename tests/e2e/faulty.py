"""Servers that stand where the API server expects the webhooks, and each do one thing wrong."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hooks.jobs.certificates import issuing
from tests.cluster import mounts
from tests.cluster.operator import HOST
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import free_ports
from tests.loopback import Answering, Loopback, answering, tls

Fault = Callable[[ControlPlane, Path], AbstractContextManager[int]]
"""From the control plane and a folder to write to: the port."""


class Answers(Answering):
    """Answers all questions alike."""

    code, answer = 200, b""

    def do_POST(self) -> None:
        self.body()
        self.reply(self.code, self.answer)


@contextmanager
def serving(fixed: type[Answers], certificate: Path, key: Path) -> Iterator[int]:
    server = Loopback(fixed, context=tls(certificate, key))
    with answering(server, "faulty webhooks"):
        yield server.server_port


def alike(code: int, answer: bytes) -> Fault:
    """With the right certificate, and the same answer to everything."""
    fixed = type("Fixed", (Answers,), {"code": code, "answer": answer})

    def fault(plane: ControlPlane, _: Path) -> AbstractContextManager[int]:
        place = mounts.folder(plane, mounts.TLS)
        return serving(fixed, place / "tls.crt", place / "tls.key")

    return fault


def foreign(_: ControlPlane, folder: Path) -> AbstractContextManager[int]:
    """With a certificate for the right address, by an authority that nobody trusts."""
    now = datetime.now(UTC)
    made = issuing.issue_server(issuing.issue_ca(now), frozenset({HOST}), now)
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
    "no JSON": alike(200, b"<html>"),
    "no review": alike(200, b"{}"),
    "an error": alike(500, b'{"error": "internal error"}'),
}
