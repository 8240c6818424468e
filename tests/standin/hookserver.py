"""A throwaway hook server: one function per path answers, and every request is kept."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.loopback import Answering, Loopback, answering

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """An answer that is not simply 200 with JSON."""

    status: int
    body: bytes = b""
    headers: Json = field(default_factory=dict)


Answer = Callable[[Json], Json | Reply]


class HookServer:
    """`answers` maps a path without its query to a function of the request."""

    def __init__(self, server: Loopback, scheme: str) -> None:
        self._server, self._scheme = server, scheme
        self._lock = threading.Lock()
        self._requests: list[tuple[str, Json]] = []
        self.connections = 0
        self.answers: dict[str, Answer] = {}

    def url(self, path: str) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}{path}"

    def requests(self, path: str, name: str | None = None) -> list[Json]:
        """What came to `path`, in order; for one parent or decorated object only when `name` is given."""
        with self._lock:
            came = [body for at, body in self._requests if at == path]
        return [body for body in came if name in {None, _object(body)["metadata"]["name"]}]

    def answer(self, path: str, body: Json) -> Json | Reply:
        bare = path.partition("?")[0]
        with self._lock:
            self._requests.append((bare, body))
        return self.answers[bare](body) if bare in self.answers else Reply(404, b"no such hook")


def _object(body: Json) -> Json:
    return body.get("parent") or body["object"]


@contextmanager
def hook_server(context: ssl.SSLContext | None = None) -> Iterator[HookServer]:
    """Listening on loopback, one thread per connection; on TLS where a context is given."""

    class Handler(Answering):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            hooks.connections += 1

        def do_POST(self) -> None:
            body = json.loads(self.body())
            reply = hooks.answer(self.path, body)
            if not isinstance(reply, Reply):
                reply = Reply(200, json.dumps(reply).encode())
            self.reply(reply.status, reply.body, **reply.headers)

    server = Loopback(Handler, context=context)
    hooks = HookServer(server, "https" if context else "http")
    with answering(server, "hooks"):
        yield hooks
