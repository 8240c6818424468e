"""The API of a simulated engine over HTTP, with a thread for each connection."""

import json
import os
import select
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from typing import Any

from aimlib.engines.catalogue import Engine
from tests.dataplane.simulated import answers
from tests.dataplane.simulated.answers import Asked, Raw, RefusedError
from tests.dataplane.simulated.behaviour import Behaviour
from tests.dataplane.simulated.metrics import Metrics
from tests.dataplane.simulated.prefix_cache import PrefixCache
from tests.loopback import Answering

KEPT = 1000
"""How many requests GET /simulation tells of."""
WHO, HITS = "x-simulated-engine", "x-simulated-cached-tokens"
"""Headers of answers: the address that answered, and the tokens of the prompt that its prefix cache had."""


class Server(ThreadingHTTPServer):
    """One engine: its model, its prefix cache, its counts, and what it is commanded to do."""

    daemon_threads = True
    request_queue_size = 1024

    pooling = False
    """Whether its model computes embeddings, which one that writes does not."""

    def __init__(self, address: tuple[str, int], engine: Engine, models: list[str], root: str, context: int) -> None:
        self.engine, self.models, self.root, self.context = engine, models, root, context
        self.adapters: dict[str, str] = {}
        self.behaviour = Behaviour()
        self.cache = PrefixCache()
        self.metrics = Metrics(engine, models[0], self.cache)
        self.slots = threading.Semaphore(self.behaviour.parallel)
        self.requests: deque[Raw] = deque(maxlen=KEPT)
        self.counted = 0
        super().__init__(address, Handler)

    def command(self, given: Raw) -> None:
        """Do this from now on."""
        self.behaviour.change(given)
        if "parallel" in given:
            self.slots = threading.Semaphore(self.behaviour.parallel)

    def count(self) -> None:
        """A request begins; RefusedError where it is one of those that fail."""
        self.counted += 1
        part, status = self.behaviour.failing, self.behaviour.status
        if status >= 400 and int(self.counted * part) > int((self.counted - 1) * part):
            raise RefusedError(status, "simulated: it is commanded to fail")

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is no news."""


class GoneError(Exception):
    """The client has hung up."""


class Handler(Answering):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        pages: Mapping[str, Callable[[], None]] = {
            "/health": self._health,
            "/metrics": lambda: self.reply(200, self.server.metrics.page(), "text/plain; version=0.0.4"),
            "/version": lambda: self.reply_json(200, {"version": self.server.engine.version}),
            "/v1/models": self._models,
            "/simulation": self._simulation,
        }
        self._route(pages, (CHAT, COMPLETIONS))

    def do_POST(self) -> None:
        pages = {**dict.fromkeys(API, self._ask), "/simulation": self._command}
        if not self.server.pooling:
            del pages[EMBEDDINGS]
        self._route(pages, ("/v1/models", "/health"))

    def _route(self, pages: Mapping[str, Callable[[], None]], others: tuple[str, ...]) -> None:
        path = self.path.partition("?")[0]
        if path not in pages:
            status = HTTPStatus.METHOD_NOT_ALLOWED if path in others else HTTPStatus.NOT_FOUND
            self.body()
            self.reply_json(status, {"detail": status.phrase})
            return
        pages[path]()

    def _health(self) -> None:
        self.send_response(200 if self.server.behaviour.healthy else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _models(self) -> None:
        server = self.server
        owner = server.engine.name
        listed = answers.models(server.models, server.root, server.context, owner)
        adapted = answers.adapters(server.adapters, server.models[0], owner)
        self.reply_json(200, listed | {"data": [*listed["data"], *adapted]})

    def _simulation(self) -> None:
        self.reply_json(200, {"behaviour": vars(self.server.behaviour), "requests": [*self.server.requests]})

    def _command(self) -> None:
        try:
            self.server.command(json.loads(self.body()))
        except ValueError as error:
            self._refuse(RefusedError(400, str(error)))
        else:
            self._simulation()

    def _ask(self) -> None:
        began, body = time.monotonic(), self.body()
        status = 200
        try:
            self.server.count()
            read = answers.parsed(body)
            if self.path == EMBEDDINGS:
                self.reply_json(200, answers.embeddings(read, self.server.models[0]))
            else:
                self._write(self._read(read), began)
        except RefusedError as error:
            status = error.status
            self._refuse(error)
        except (GoneError, OSError):
            self.close_connection = True
        self.server.metrics.answered(self.path, status)

    def _read(self, body: Any) -> Asked:
        server = self.server
        asked = answers.read(
            body,
            chat=self.path == CHAT,
            models=[*server.models, *server.adapters],
            context=server.context,
            usual=server.behaviour.tokens,
        )
        cached = server.cache.take(asked.prompt)
        server.metrics.looked_up(len(asked.prompt), cached)
        self.told = {WHO: ":".join(map(str, self.connection.getsockname()[:2])), HITS: str(cached)}
        headers = {name.lower(): value for name, value in self.headers.items()}
        if "origin" in headers:
            self.told["access-control-allow-origin"] = "*"  # as vLLM, whose --allowed-origins is that
        server.requests.append({"path": self.path, "headers": headers, "tokens": len(asked.prompt), "cached": cached})
        return asked

    def _write(self, asked: Asked, began: float) -> None:
        reason = "abort"
        try:
            with self.server.metrics.turn(self.server.slots):
                if asked.stream:
                    self._stream(asked, began)
                else:
                    for number in range(asked.count):
                        self._token(number, began)
                    self.reply(200, json.dumps(answers.whole(asked)).encode(), **self.told)
            reason = asked.finish
        finally:
            self.server.metrics.finished(reason, time.monotonic() - began)

    def _stream(self, asked: Asked, began: float) -> None:
        self.send_response(200)
        for name, value in {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Transfer-Encoding": "chunked",
            **self.told,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        number = 0
        for piece in answers.pieces(asked):
            if any("text" in one or one["delta"].get("content") for one in piece["choices"]):
                self._token(number, began)
                number += 1
            self._chunk(f"data: {json.dumps(piece)}\n\n".encode())
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _token(self, number: int, began: float) -> None:
        """Take the time of a token; GoneError where the client hangs up meanwhile."""
        behaviour = self.server.behaviour
        if behaviour.crash_after_tokens == number:
            os.kill(os.getpid(), signal.SIGKILL)
        seconds = behaviour.token_seconds if number else behaviour.first_token_seconds
        until = time.monotonic() + seconds
        while seconds > 0 and (left := until - time.monotonic()) > 0:
            if select.select([self.connection], [], [], left)[0]:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    raise GoneError
                time.sleep(left)  # its next request is there already
        self.server.metrics.token(number, seconds if number else time.monotonic() - began)

    def _refuse(self, error: RefusedError) -> None:
        self.reply_json(error.status, error.body)


CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
API = (CHAT, COMPLETIONS, EMBEDDINGS)
