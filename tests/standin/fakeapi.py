"""A tiny in-process API server for transport tests: scripted answers by method and path, requests kept."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.loopback import Answering, Loopback, answering

TOKEN = "t0ken"  # noqa: S105  of nothing


@dataclass
class Request:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: Any


@dataclass
class FakeApi:
    """`answer` gives (status, body), or (status, body, headers); a list of bytes is sent as chunks, one by one."""

    kubeconfig: Path
    answer: Callable[[Request], tuple] = lambda _: (404, {})
    requests: list[Request] = field(default_factory=list)

    def paths(self, method: str) -> list[str]:
        return [request.path for request in self.requests if request.method == method]


def thing(name: str, version: int, **metadata: Any) -> dict[str, Any]:
    """An item of a list: apiVersion and kind stand on the list."""
    return {"metadata": {"name": name, "namespace": "n", "resourceVersion": str(version), **metadata}}


@contextmanager
def fake_api(folder: Path) -> Iterator[FakeApi]:
    class Handler(Answering):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            came = self.body()
            body = json.loads(came) if came else None
            request = Request(self.command, url.path, dict(parse_qsl(url.query)), self.headers, body)
            api.requests.append(request)
            status, answer, *headers = api.answer(request)
            self.send_response(status)
            for name, value in (headers[0] if headers else {}).items():
                self.send_header(name, value)
            if isinstance(answer, dict):
                data = json.dumps(answer).encode()
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            else:
                self._stream(answer)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def _stream(self, chunks: Iterator[bytes]) -> None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in chunks:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

    server = Loopback(Handler)
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(_config(f"http://127.0.0.1:{server.server_port}")))
    api = FakeApi(path)
    with answering(server, "API server"):
        yield api


def _config(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "fake", "cluster": {"server": url}}],
        "users": [{"name": "fake", "user": {"token": TOKEN}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        "current-context": "fake",
    }
