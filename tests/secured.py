"""The hook server with the shipped settings, TLS and tokens, on two ports of loopback."""

import contextlib
import http.client
import json
import ssl
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from aimlib.naming import TOKEN_ANNOTATION
from hooks.jobs.certificates.issuing import issue_ca, issue_server
from tests.cluster import mounts
from tests.cluster.processes import Process, free_ports, running
from tests.kustomize import ROOT

TOKEN, ADMISSION_TOKEN = "metacontrollers", "the-api-servers"
REVIEW_PATH = f"/admission/endpoints/validate/warn/{ADMISSION_TOKEN}"


class Secured(NamedTuple):
    """A running server."""

    process: Process
    port: int
    admission: int
    context: ssl.SSLContext

    def connect(self, port: int | None = None, timeout: float = 30) -> http.client.HTTPSConnection:
        """A connection of a client that trusts the server."""
        return http.client.HTTPSConnection("127.0.0.1", port or self.port, timeout=timeout, context=self.context)

    def call(self, method: str, path: str, body: Any = None, port: int | None = None) -> tuple[int, str]:
        """The status and the text of the response to a request on a connection of its own."""
        with contextlib.closing(self.connect(port)) as connection:
            return ask(connection, method, path, body)

    def log(self) -> list[dict[str, Any]]:
        """The lines of the log that are JSON; a traceback of gunicorn is not."""
        return [json.loads(line) for line in self.process.log.read_text().splitlines() if line.startswith("{")]


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """The status and the text of a response."""
    text = body if body is None or isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    connection.request(method, path, text)
    response = connection.getresponse()
    return response.status, response.read().decode()


def with_token(request: dict[str, Any], token: str = TOKEN) -> dict[str, Any]:
    """A request as Metacontroller sends it: the controller first."""
    controller = {"metadata": {"annotations": {TOKEN_ANNOTATION: token}}}
    return {"controller": controller, **{name: value for name, value in request.items() if name != "controller"}}


@contextlib.contextmanager
def secured(folder: Path, **settings: str) -> Iterator[Secured]:
    """A server with one process for hooks and one for admission, unless `settings` differ."""
    now = datetime.now(UTC)
    authority = issue_ca(now)
    made = issue_server(authority, frozenset({"127.0.0.1"}), now)
    folder.mkdir(parents=True, exist_ok=True)
    mounts.write(folder / "tls", {"tls.crt": made.certificate.text.encode(), "tls.key": made.key.encode()})
    mounts.write(folder / "callers", {"hooks": TOKEN.encode(), "admission": ADMISSION_TOKEN.encode()})
    (folder / "metrics").mkdir()
    port, admission = free_ports(2)
    environment = {
        "PYTHONPATH": str(ROOT),
        "AIM_BIND": f"127.0.0.1:{port},127.0.0.1:{admission}",
        "AIM_TLS": str(folder / "tls"),
        "AIM_CALLERS": str(folder / "callers"),
        "AIM_ADMISSION_PORT": str(admission),
        "AIM_WORKERS": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
    }
    command = (sys.executable, "-m", "gunicorn", "--config", "python:hooks.server.gunicorn_conf")
    context = ssl.create_default_context(cadata=authority.certificate.text)
    with running("secured", (*command, "hooks.server.app:create_app()"), folder, **(environment | settings)) as process:
        server = Secured(process, port, admission, context)
        process.wait_until(lambda: all(_serves(server, one) for one in (port, admission)), 60)
        yield server


def _serves(server: Secured, port: int) -> bool:
    try:
        return server.call("GET", "/healthz", port=port)[0] in {200, 404}
    except OSError:
        time.sleep(0.05)
        return False
