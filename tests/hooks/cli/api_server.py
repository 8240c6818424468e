"""An API server on loopback that answers what a test gives it, and refuses everything else as Kubernetes does."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import yaml

RESOURCE = re.compile(
    r"/api(?:s/(?P<group>[^/]+))?/[^/]+(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[^/?]+)(?:/(?P<name>[^/?]+))?"
)
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}
USER = "ada"


def forbidden(method: str, path: str) -> dict[str, Any]:
    """The Status by which an API server refuses a request (k8s.io/apiserver, responsewriters/errors.go)."""
    found = RESOURCE.match(path)
    if found is None:
        return _status(f'User "{USER}" cannot {method.lower()} path "{path}"')
    verb = VERBS.get(method) or ("get" if found["name"] else "list")
    resource = found["plural"] + (f".{found['group']}" if found["group"] else "")
    name = f' "{found["name"]}"' if found["name"] else ""
    where = f'in the namespace "{found["namespace"]}"' if found["namespace"] else "at the cluster scope"
    what = f'cannot {verb} resource "{found["plural"]}" in API group "{found["group"] or ""}" {where}'
    return _status(f'{resource}{name} is forbidden: User "{USER}" {what}')


class Absent(NamedTuple):
    """An answer with 404: of an object, with the message of a Status; of a path, a plain text instead of none."""

    message: str


def _status(message: str) -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": message}


class ApiServer(ThreadingHTTPServer):
    """Answers by method and path, such as `GET /version`, without the query."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.answers = answers
        self.requests: list[tuple[str, str, Any]] = []


class _Requests(BaseHTTPRequestHandler):
    server: ApiServer

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.requests.append((self.command, self.path, json.loads(body) if body else None))
        found = self.server.answers.get(f"{self.command} {self.path.partition('?')[0]}")
        code, answer = (403, forbidden(self.command, self.path)) if found is None else (200, found)
        content = json.dumps(answer).encode()
        if isinstance(found, Absent):
            code = 404
            content = json.dumps({"message": found.message}).encode() if found.message else b"404 page not found\n"
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def api_server(folder: Path, answers: Mapping[str, Any] | None = None) -> Iterator[tuple[ApiServer, Path]]:
    """Such a server, and a kubeconfig for it with the namespace `team`."""
    with ApiServer(answers or {}) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server, kubeconfig(folder, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def kubeconfig(folder: Path, address: str) -> Path:
    """A kubeconfig for an address."""
    path = folder / "kubeconfig"
    context = {"name": "here", "context": {"cluster": "here", "user": USER, "namespace": "team"}}
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "contexts": [context],
                "clusters": [{"name": "here", "cluster": {"server": address}}],
                "users": [{"name": USER, "user": {"token": "x"}}],
            }
        )
    )
    return path
