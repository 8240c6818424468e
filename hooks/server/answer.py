"""Calls the application with a request that has arrived, and returns what to send: it touches no socket."""

import io
from http import HTTPStatus
from typing import Any, NamedTuple

from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.http import wsgi  # type: ignore[import-untyped]

from hooks.server.incoming import Incoming, MalformedError

REFUSAL = "aim.refusal"
"""Of the environment: why the request is refused, an HTTPException, where its body was not read."""


class Answer(NamedTuple):
    """The bytes of a response, and whether the connection ends with them."""

    data: bytes
    last: bool


class _Memory:
    """In place of the socket, for gunicorn's response."""

    def __init__(self) -> None:
        self.sent = bytearray()

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def send(self, data: bytes) -> int:
        """The word to continue, which was sent when the body was expected."""
        return len(data)


def answer(application: Any, config: Config, incoming: Incoming, *, last: bool) -> Answer:  # noqa: ANN401 - WSGI
    """The application's response to a complete request; `last` ends the connection."""
    memory, body = _Memory(), incoming.body()
    response, environ = wsgi.create(incoming.head, memory, incoming.peer, incoming.server, config)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "wsgi.multithread": True}
    environ[REFUSAL] = incoming.refusal
    if last or incoming.unread:
        response.force_close()
    found = application(environ, response.start_response)
    try:
        for piece in found:
            response.write(piece)
        response.close()
    finally:
        if hasattr(found, "close"):
            found.close()
    return Answer(bytes(memory.sent), response.should_close())


def malformed(error: MalformedError) -> Answer:
    """The response where there is no request that the application could answer."""
    text = f"{error}\n".encode("latin-1", "replace")
    head = f"HTTP/1.1 {error.code} {HTTPStatus(error.code).phrase}\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    return Answer(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text, last=True)
