"""A server on loopback with the request that the documentation shows, in place of an engine.

The pods of the local control plane are simulated and serve nothing, so there is nothing that a port could lead to.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class _Handler(BaseHTTPRequestHandler):
    server: "ChatServer"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fits = self.path == "/v1/chat/completions" and self.headers["Content-Type"] == "application/json"
        known = fits and body.get("model") == self.server.model and body.get("messages")
        self.server.requests.append(body)
        self.server.keys.add((self.headers["Authorization"] or "").removeprefix("Bearer "))
        content = f"You wrote: {body['messages'][-1]['content']}" if known else ""
        answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]}
        data = json.dumps(answer if known else {"error": {"message": "not found"}}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing: the output is the test's."""


class ChatServer(ThreadingHTTPServer):
    """Answers for one model, by the name that the engine was given."""

    def __init__(self, model: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model, self.requests, self.keys = model, list[dict[str, Any]](), set[str]()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(model: str) -> Iterator[ChatServer]:
    """The server while it runs."""
    server = ChatServer(model)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
