"""The chat of the web page: passes a conversation and the visitor's key on to the gateway, and its answer back."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import BoundedSemaphore
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from aimlib.config import ConfigError
from aimlib.errors import InvalidInputError, UnavailableError
from aimlib.printable import printable
from aimlib.schema.error_messages import validation_messages

CHATS_AT_ONCE = 2
"""Answers that arrive at the same time: each takes a thread of the page's server."""
CHAT_SECONDS = 120
"""How long the gateway may be silent: a model without a replica has to start first."""
MOST_CHAT_BYTES = 4 * 1024 * 1024
PASSED_AT_ONCE = 4096
LONGEST_KEY = 512
LONGEST_REFUSAL = 500
KEY_WORD = "Bearer "
CUT = b'data: {"error": {"message": "the answer ended before it was complete"}}\n\n'


class ChatMessage(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(max_length=100_000)]


class Conversation(BaseModel):
    """What a visitor sends: nothing else is passed on."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(min_length=1, max_length=256)]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=200)]


class InvalidChatError(InvalidInputError):
    """A conversation or a key that is not passed on; the message says what is wrong."""


class ChatError(UnavailableError):
    """The gateway did not answer; `code` is the HTTP status that the browser gets."""

    def __init__(self, message: str, code: int = HTTPStatus.BAD_GATEWAY) -> None:
        super().__init__(message)
        self.code = code


class GatewayAddress(NamedTuple):
    """Where the gateway is: the one address that is ever called."""

    secure: bool
    host: str
    path: str

    def connect(self) -> HTTPConnection:
        kind = HTTPSConnection if self.secure else HTTPConnection
        return kind(self.host, timeout=CHAT_SECONDS)


def gateway_address(url: str) -> GatewayAddress:
    """Parses a base URL such as http://models.team-a.svc/v1. ConfigError for another form."""
    scheme, separator, rest = url.partition("://")
    host, _, path = rest.partition("/")
    if scheme not in {"http", "https"} or not separator or not host or "@" in host or "?" in rest or "#" in rest:
        raise ConfigError("AIM_WEB_GATEWAY must be a base URL such as http://models.team-a.svc/v1")
    return GatewayAddress(scheme == "https", host, f"/{path}".rstrip("/"))


def read_conversation(body: bytes) -> Conversation:
    """Parses what a visitor sends. InvalidChatError."""
    try:
        return Conversation.model_validate_json(body)
    except ValidationError as error:
        raise InvalidChatError("; ".join(validation_messages(error))) from error


def read_key(header: str | None) -> str:
    """The visitor's key in the header Authorization; empty without one. InvalidChatError for what is no key."""
    key = (header or "").removeprefix(KEY_WORD)
    if len(key) > LONGEST_KEY or not key.isascii() or any(one.isspace() or not one.isprintable() for one in key):
        raise InvalidChatError(f"a key has at most {LONGEST_KEY} characters, without spaces")
    return key


class ChatRelay:
    """Passes conversations on. It keeps neither keys nor messages, and logs nothing of them."""

    def __init__(self, address: GatewayAddress) -> None:
        self.address = address
        self._free = BoundedSemaphore(CHATS_AT_ONCE)

    def answer(self, conversation: Conversation, key: str) -> "AnswerStream":
        """The events of an answer as they arrive. ChatError where the gateway refuses, or is away."""
        if not self._free.acquire(blocking=False):
            raise ChatError("others are chatting: try again in a moment", HTTPStatus.SERVICE_UNAVAILABLE)
        connection = self.address.connect()
        try:
            response = _send(connection, self.address.path, conversation, key)
        except ChatError:
            connection.close()
            self._free.release()
            raise
        return AnswerStream(connection, response, self._free.release)


class AnswerStream:
    """The bytes of an answer. It is closed by the server, read to its end or not, or not even begun."""

    def __init__(self, connection: HTTPConnection, response: HTTPResponse, ended: Callable[[], None]) -> None:
        self._connection, self._response = connection, response
        self._ended: Callable[[], None] | None = ended
        self._left = MOST_CHAT_BYTES

    def __iter__(self) -> Iterator[bytes]:
        try:
            while self._left > 0 and (piece := self._response.read1(min(PASSED_AT_ONCE, self._left))):
                self._left -= len(piece)
                yield piece
        except (HTTPException, OSError):
            yield CUT

    def close(self) -> None:
        """Ends the request; a model server then stops to compute."""
        self._response.close()
        self._connection.close()
        if self._ended:
            self._ended()
            self._ended = None


def _send(connection: HTTPConnection, path: str, conversation: Conversation, key: str) -> HTTPResponse:
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    if key:
        headers["Authorization"] = f"{KEY_WORD}{key}"
    body = to_json({**conversation.model_dump(), "stream": True})
    try:
        connection.request("POST", f"{path}/chat/completions", body, headers)
        response = connection.getresponse()
        if response.status == HTTPStatus.OK:
            return response
        text = printable(response.read(LONGEST_REFUSAL).decode(errors="replace"), LONGEST_REFUSAL)
    except (HTTPException, OSError) as error:
        raise ChatError("the gateway cannot be reached") from error
    # A gateway's redirect is not followed: the key is for this address alone.
    code = response.status if response.status >= HTTPStatus.BAD_REQUEST else HTTPStatus.BAD_GATEWAY
    raise ChatError(f"the gateway returned {response.status}: {text}", code)
