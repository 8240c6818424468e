"""A connection that never blocks: the TLS handshake, requests as they arrive, and responses."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from selectors import EVENT_READ, EVENT_WRITE
from time import monotonic

from aimlib.errors import UnavailableError
from hooks.server.incoming import Incoming
from hooks.server.limits import ARRIVAL_SECONDS, WRITE_SECONDS

ANONYMOUS_READ_BYTES = 2**16
AUTHENTICATED_READ_BYTES = 2**18
WRITE_BYTES = 2**16
LINGER_SECONDS = 2.0
"""How long a client may go on sending after its last response. It is thrown away: a reset would lose the response."""


class ClosedError(UnavailableError):
    """The client is gone, or broke TLS."""


class Phase(Enum):
    """What a connection waits for."""

    HANDSHAKE = auto()
    REQUEST = auto()
    APPLICATION = auto()
    WRITING = auto()
    LINGERING = auto()


class Connection:
    """One client. `begin` returns the next request to fill; `keep_idle` is how long it may wait for the next one."""

    def __init__(self, sock: socket.socket, begin: Callable[[], Incoming], keep_idle: float) -> None:
        self.sock = sock
        self._begin, self.keep_idle = begin, keep_idle
        self.phase = Phase.HANDSHAKE if isinstance(sock, ssl.SSLSocket) else Phase.REQUEST
        self.incoming = begin()
        self.authenticated = False
        """Whether one of its requests had an accepted token."""
        self.served = 0.0
        """When it last had its turn."""
        self.wants = EVENT_READ
        self.deadline = monotonic() + keep_idle
        self._handshake_began = 0.0
        self._out = bytearray()
        self._last = False

    @property
    def idle(self) -> bool:
        """Whether it waits without having begun anything."""
        return self.phase is Phase.REQUEST and not self.incoming.begun

    def on_ready(self) -> None:
        """Goes on as far as the socket lets it. ClosedError where it is over."""
        self.wants = EVENT_READ
        try:
            STEPS[self.phase](self)
        except (ssl.SSLWantReadError, BlockingIOError, InterruptedError):
            self.wants = EVENT_WRITE if self.phase is Phase.WRITING and not self._is_tls() else EVENT_READ
        except ssl.SSLWantWriteError:
            self.wants = EVENT_WRITE
        except OSError as error:
            raise ClosedError from error

    def respond(self, data: bytes, *, last: bool) -> None:
        """Begins to write a response; with the last one, the connection ends."""
        self.phase, self._last = Phase.WRITING, last
        self._out += data
        self.deadline = monotonic() + WRITE_SECONDS

    def _is_tls(self) -> bool:
        return isinstance(self.sock, ssl.SSLSocket)

    def _handshake(self) -> None:
        self._handshake_began = self._handshake_began or monotonic()
        self.deadline = self._handshake_began + ARRIVAL_SECONDS
        self.sock.do_handshake()  # type: ignore[attr-defined]
        self.phase, self.deadline = Phase.REQUEST, monotonic() + self.keep_idle
        self._read()

    def _read(self) -> None:
        """An anonymous client has one read at a time; an accepted body is read as long as there is more."""
        while True:
            data = self.sock.recv(AUTHENTICATED_READ_BYTES if self.authenticated else ANONYMOUS_READ_BYTES)
            if not data:
                raise ClosedError
            self.feed(data)
            if self.incoming.complete or not (self.authenticated or self._pending()):
                return

    def _pending(self) -> bool:
        return isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0

    def feed(self, data: bytes) -> None:
        """Takes bytes of a request. MalformedError as of `Incoming`."""
        if not self.incoming.begun:
            self.deadline = monotonic() + ARRIVAL_SECONDS
        self.incoming.feed(data)
        self.authenticated = self.authenticated or self.incoming.authenticated
        if self.incoming.complete:
            self.phase = Phase.APPLICATION
        elif self.incoming.waits_to_continue:
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _write(self) -> None:
        while self._out:
            sent = self.sock.send(memoryview(self._out)[:WRITE_BYTES].tobytes())
            del self._out[:sent]
        if self._last:
            self._half_close()
            return
        rest, self.incoming = self.incoming.rest, self._begin()
        self.phase, self.deadline = Phase.REQUEST, monotonic() + self.keep_idle
        if rest:
            self.feed(rest)

    def _half_close(self) -> None:
        self.phase, self.deadline = Phase.LINGERING, monotonic() + LINGER_SECONDS
        if isinstance(self.sock, ssl.SSLSocket):
            with suppress(OSError, ValueError):
                self.sock.unwrap()
        socket.socket.shutdown(self.sock, socket.SHUT_WR)

    def _throw_away(self) -> None:
        # Not its own recv: what comes now is not decrypted any more.
        if not socket.socket.recv(self.sock, ANONYMOUS_READ_BYTES):
            raise ClosedError

    def close(self) -> None:
        """Closes it at once."""
        self.incoming.answered()
        with suppress(OSError):
            self.sock.close()


STEPS: dict[Phase, Callable[[Connection], None]] = {
    Phase.HANDSHAKE: Connection._handshake,  # noqa: SLF001
    Phase.REQUEST: Connection._read,  # noqa: SLF001
    Phase.WRITING: Connection._write,  # noqa: SLF001
    Phase.LINGERING: Connection._throw_away,  # noqa: SLF001
}
