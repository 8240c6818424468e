"""A request as it arrives, fed with bytes: complete or refused in the end. It does no I/O."""

from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.http.body import ChunkedReader  # type: ignore[import-untyped]
from gunicorn.http.parser import RequestParser  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, Unauthorized

from aimlib.errors import InvalidInputError
from hooks.server.chunked import Chunks
from hooks.server.limits import MAX_HEAD, MAX_UNAUTHENTICATED, BodyRule, RuleOf

HEAD_END = b"\r\n\r\n"
FIRST_CHECK = 4096
"""Bytes of a body at which its token is looked for first; each further time, there are twice as many."""
STATUS = (
    (errors.LimitRequestLine, 414),
    (errors.LimitRequestHeaders, 431),
    (errors.ExpectationFailed, 417),
    (errors.UnsupportedTransferCoding, 501),
)
"""Statuses for heads that cannot be read; others are 400."""


class MalformedError(InvalidInputError):
    """A head that cannot be read, so that there is no request; `code` is the status to answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Incoming:
    """One request. `complete` when it is to be answered: with `refusal`, or by the application."""

    def __init__(self, config: Config, rule_of: RuleOf, peer: Any, server: Any) -> None:  # noqa: ANN401
        self._config, self._rule_of = config, rule_of
        self.peer, self.server = peer, server
        self.head: Any = None
        """gunicorn's request, once the head has arrived."""
        self.complete = False
        self.authenticated = False
        """Whether its token is accepted."""
        self.unread = False
        """Whether a part of its body was not read: the connection cannot be used again."""
        self.refusal: HTTPException | None = None
        self.rest = b""
        """What follows it."""
        self.size = 0
        self._buffer = bytearray()
        self._body = bytearray()  # not a list of pieces: those of a slow sender are many and small
        self._rule: BodyRule | None = None
        self._declared: int | None = None
        self._chunks: Chunks | None = None
        self._check_at = FIRST_CHECK
        self._taken = 0

    @property
    def begun(self) -> bool:
        """Whether any of it has arrived."""
        return bool(self.head or self._buffer)

    @property
    def waits_to_continue(self) -> bool:
        """Whether the client waits for the word that its body is read."""
        return bool(self.head and self.head._expected_100_continue and not self.complete and not self.size)  # noqa: SLF001

    def body(self) -> bytes:
        """The body; it is kept only here."""
        whole = bytes(self._body)
        self._body.clear()
        return whole

    def answered(self) -> None:
        """Gives back what it took of the budget."""
        if self._rule:
            self._rule.budget.give_back(self._taken)
        self._taken = 0

    def feed(self, data: bytes) -> None:
        """Takes what has arrived. MalformedError for a head that cannot be read."""
        try:
            if self.head:
                self._add(data)
            else:
                self._add_to_head(data)
        except HTTPException as refusal:
            self.refusal, self.unread, self.complete = refusal, True, True
            self._body.clear()

    def _add_to_head(self, data: bytes) -> None:
        known = len(self._buffer)
        self._buffer += data
        end = self._buffer.find(HEAD_END, max(0, known - len(HEAD_END)))
        if end > MAX_HEAD or (end < 0 and len(self._buffer) > MAX_HEAD):
            raise MalformedError(431, f"the request line and headers have more than {MAX_HEAD} bytes")
        if end < 0:
            return
        end += len(HEAD_END)
        self.head = parse_head(self._config, bytes(self._buffer[:end]), self.peer)
        rest = bytes(self._buffer[end:])
        self._buffer.clear()
        self._begin_body()
        if self.complete:
            self.rest = rest
        elif rest:
            self._add(rest)

    def _begin_body(self) -> None:
        reader = self.head.body.reader
        self._chunks = Chunks() if isinstance(reader, ChunkedReader) else None
        self._declared = None if self._chunks else reader.length
        rule = self._rule_of(self.head.method, util.unquote_to_wsgi_str(self.head.path), str(self.server[1]))
        if rule is None:
            self.complete, self.unread = True, self._declared != 0
            return
        if self._declared is not None and self._declared > rule.largest:
            raise RequestEntityTooLarge
        self._rule = rule
        if rule.refusal is None:
            self._accept()
        if self._declared == 0:
            self._end(b"")

    def _accept(self) -> None:
        """Takes the body's size of the budget: from here on, it is read to its end."""
        self.authenticated = True
        size = self._rule.largest if self._declared is None else self._declared  # type: ignore[union-attr]
        self._rule.budget.take(size)  # type: ignore[union-attr]
        self._taken = size

    def _add(self, data: bytes) -> None:
        if self._chunks:
            piece, ended = self._chunks.decode(data), self._chunks.ended
            rest = self._chunks.rest
        else:
            left = (self._declared or 0) - self.size
            piece, rest, ended = data[:left], data[left:], len(data) >= left
        self.size += len(piece)
        self._body += piece
        if self.size > self._rule.largest:  # type: ignore[union-attr]
            raise RequestEntityTooLarge
        if not self.authenticated:
            self._look_for_token(ended=ended)
        if ended:
            self._end(rest)

    def _look_for_token(self, *, ended: bool) -> None:
        """Accepts the body where its beginning has the token; Unauthorized where too much of it has not."""
        if self.size < self._check_at and not ended:
            return
        while self._check_at < self.size:
            self._check_at *= 2
        refusal = self._rule.refusal(bytes(self._body[:MAX_UNAUTHENTICATED]))  # type: ignore[union-attr, misc]
        if refusal is None:
            self._accept()
        elif self.size >= MAX_UNAUTHENTICATED:
            raise Unauthorized(f"{refusal} in the first {MAX_UNAUTHENTICATED} bytes of the body")

    def _end(self, rest: bytes) -> None:
        self.rest, self.complete = rest, True


def parse_head(config: Config, text: bytes, peer: Any) -> Any:  # noqa: ANN401
    """The request of gunicorn that a head makes. MalformedError where there is none."""
    try:
        return next(RequestParser(config, [text], peer))
    except errors.ParseException as error:
        code = next((code for kind, code in STATUS if isinstance(error, kind)), 400)
        raise MalformedError(code, str(error)) from error
