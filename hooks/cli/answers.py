"""A conversation with a model over OpenAI's API: requests, answers that arrive in pieces, and how fast they were."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple

from aimlib.api.meta import Raw
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError

TEXT_FIELDS = ("reasoning", "reasoning_content", "content")
"""Where a piece of an answer has its text: vLLM and SGLang have reasoning in fields of its own."""
MOST_LINE_BYTES = 1 << 20
"""Bytes that are read of one line of an answer, or of an error."""


class AnswerFigures(NamedTuple):
    """How fast an answer was."""

    tokens: int
    first: float
    """Seconds until the first token."""
    seconds: float
    """Seconds until the last one."""

    @property
    def text(self) -> str:
        """The figures for people; tokens per second are those after the first."""
        later = self.seconds - self.first
        rate = f", {(self.tokens - 1) / later:.1f} tokens/s" if self.tokens > 1 and later > 0 else ""
        return f"{self.tokens} tokens, the first after {self.first * 1000:.0f} ms{rate}"


class ModelAnswer:
    """An answer that arrives in pieces, with what it was made of so far."""

    def __init__(self, response: HTTPResponse, clock: Callable[[], float], began: float) -> None:
        self.response, self.clock, self.began = response, clock, began
        self.text = ""
        self.pieces, self.counted = 0, 0
        self.first: float | None = None
        self.last = began

    def __iter__(self) -> Iterator[str]:
        """The pieces of the text."""
        for event in self._events():
            if "error" in event:
                raise CommandError(f"the model server stopped: {error_text(event)}", CLUSTER_ERROR_CODE)
            self.counted = (event.get("usage") or {}).get("completion_tokens") or self.counted
            for choice in event.get("choices") or ():
                delta = choice.get("delta") or {}
                if text := next((str(delta[field]) for field in TEXT_FIELDS if delta.get(field)), ""):
                    now = self.clock()
                    self.first, self.last = now if self.first is None else self.first, now
                    self.pieces += 1
                    self.text += str(delta.get("content") or "")
                    yield text

    def _events(self) -> Iterator[Raw]:
        with _server_errors():
            yield from read_events(self.response)

    @property
    def figures(self) -> AnswerFigures | None:
        """How fast it was; None where no token came."""
        if self.first is None:
            return None
        return AnswerFigures(self.counted or self.pieces, self.first - self.began, self.last - self.began)


def read_events(response: HTTPResponse) -> Iterator[Raw]:
    """The events of a stream, as JSON."""
    while line := response.readline(MOST_LINE_BYTES):
        name, _, data = line.decode(errors="replace").strip().partition(":")
        if data.strip() == "[DONE]":
            return
        if name == "data":
            yield _json(data)


def served_model(connection: HTTPConnection) -> str:
    """The name by which a server knows its model."""
    with _server_errors():
        connection.request("GET", "/v1/models")
        with _checked(connection.getresponse()) as listed:
            found = next((str(one["id"]) for one in _json(listed.read(MOST_LINE_BYTES)).get("data") or ()), "")
    if not found:
        raise CommandError("the model server lists no model", CLUSTER_ERROR_CODE)
    return found


def ask_model(connection: HTTPConnection, model: str, messages: list[Raw], clock: Callable[[], float]) -> ModelAnswer:
    """Sends a conversation; the answer is read piece by piece."""
    body = {"model": model, "messages": messages, "stream": True, "stream_options": {"include_usage": True}}
    with _server_errors():
        began = clock()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        return ModelAnswer(_checked(connection.getresponse()), clock, began)


def error_text(found: Raw) -> str:
    """The message of an error in OpenAI's form, vLLM's older one, or whatever it is."""
    error = found.get("error")
    return str((error.get("message") if isinstance(error, dict) else error) or found.get("message") or found)


def _checked(response: HTTPResponse) -> HTTPResponse:
    if response.status == HTTPStatus.OK:
        return response
    text = error_text(_json(response.read(MOST_LINE_BYTES)))
    raise CommandError(f"the model server returned {response.status}: {text}", CLUSTER_ERROR_CODE)


def _json(data: str | bytes) -> Raw:
    try:
        found: Any = json.loads(data)
    except ValueError:
        found = {"message": data.decode(errors="replace") if isinstance(data, bytes) else data}
    return found if isinstance(found, dict) else {"message": str(found)}


@contextmanager
def _server_errors() -> Iterator[None]:
    """Turns what ends a connection into a CommandError."""
    try:
        yield
    except (HTTPException, OSError) as error:
        raise CommandError(f"the connection to the model server ended: {error}", CLUSTER_ERROR_CODE) from error
