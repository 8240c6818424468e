"""The hook server as tests treat it: counted, killed, replaced by one that is broken, and started again."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from unittest.mock import patch

import yaml
from werkzeug.serving import WSGIRequestHandler, make_server

from hooks.server.app import create_app
from tests.cluster import mounts, operator
from tests.cluster.operator import Operator
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import still_running
from tests.loopback import Answering, Loopback, answering, tls


def calls(installation: Operator, hook: str) -> int:
    """How often a hook has been called, all workers and all answers together."""
    text = installation.read("/metrics")
    counted = re.findall(rf'^aim_hook_requests_total{{code="\d+",hook="{hook}"}} (\S+)$', text, re.MULTILINE)
    return int(sum(map(float, counted)))


@contextmanager
def stopped(plane: ControlPlane, installation: Operator) -> Iterator[None]:
    """Without the hook server, as after a crash; it is started again and answers when the context ends."""
    hooks = plane.processes["hooks"]
    hooks.stop(grace_seconds=0)
    plane.wait_for("the hook server's processes to be gone", lambda: not still_running({hooks.pid}), 10)
    # A killed process is a zombie before the last of its threads has let go of its sockets.
    port = int(installation.hooks_url.rpartition(":")[2])
    plane.wait_for("the hook server's port to be free", lambda: _is_free(port), 10)
    try:
        yield
    finally:
        operator.start_hooks(plane, installation.urls)


def _is_free(port: int) -> bool:
    """Whether a server may listen there."""
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


@contextmanager
def broken(plane: ControlPlane, installation: Operator) -> Iterator[list[str]]:
    """With one that answers 500 to everything in the hook server's place; yields the paths that it was asked for."""
    asked: list[str] = []

    class Broken(Answering):
        def do_POST(self) -> None:
            self.body()
            asked.append(self.path)
            self.send_error(500)

    port = int(installation.hooks_url.rpartition(":")[2])
    context = tls(*(mounts.folder(plane, mounts.TLS) / name for name in ("tls.crt", "tls.key")))
    with stopped(plane, installation), answering(Loopback(Broken, port, context), "broken hooks"):
        yield asked


@contextmanager
def within(plane: ControlPlane, installation: Operator, **environment: str) -> Iterator[None]:
    """With this process in the hook server's place, which goes by that environment and the constants that it has now.

    The environment is this process's own again before the hook server starts, which would inherit it.
    """
    port = int(installation.hooks_url.rpartition(":")[2])
    files = tuple(str(mounts.folder(plane, mounts.TLS) / name) for name in ("tls.crt", "tls.key"))
    with stopped(plane, installation), patch.dict(os.environ, environment):
        server = make_server("127.0.0.1", port, create_app(), threaded=True, ssl_context=files, request_handler=Silent)
        with answering(server, "hooks"):
            yield


@contextmanager
def configured(plane: ControlPlane, installation: Operator, **settings: object) -> Iterator[None]:
    """With the hook server itself, started again with these settings beside those that it has."""
    file = operator.settings(plane)
    before = file.read_text()

    def start_again(text: str) -> None:
        with stopped(plane, installation):
            file.write_text(text)

    start_again(yaml.safe_dump({**yaml.safe_load(before), **settings}))
    try:
        yield
    finally:
        start_again(before)


class Silent(WSGIRequestHandler):
    """Requests that nobody reports: the hooks have a log of their own."""

    def log(self, *_: object) -> None:
        """Say nothing."""
