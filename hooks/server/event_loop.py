"""The event loop of a process: one thread does all network I/O, and a request takes another one when it is complete.

So connections that send nothing, or half of something, take no thread. Authenticated clients have their turn first, and
threads of their own.
"""

import errno
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from typing import Any

from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.sock import ssl_context  # type: ignore[import-untyped]

from hooks.observability.logs import logger
from hooks.server.answer import Answer, answer, malformed
from hooks.server.connection import LINGER_SECONDS, ClosedError, Connection, Phase
from hooks.server.incoming import Incoming, MalformedError
from hooks.server.limits import MAX_ANONYMOUS

ANONYMOUS_THREADS = 1
"""Threads for requests without an accepted token, /metrics and refusals; they share the processor with the hooks."""
PROBES = {"/healthz", "/readyz"}
"""Paths with a thread of their own: the kubelet must not wait for anonymous clients."""
ANONYMOUS_SECONDS = 0.01
"""Time for anonymous clients in one turn."""
MOST_ACCEPTS = 64
"""New connections in one turn."""
TICK_SECONDS = 0.5
"""The longest turn, after which connections that are late are closed."""


class EventLoop:
    """Serves `listeners`, and calls `notify` now and then, by which the master knows that it lives.

    `pipe` wakes it: gunicorn's signals write to it, and the threads that have a response.
    """

    def __init__(
        self,
        config: Config,
        application: Any,  # noqa: ANN401 - WSGI
        listeners: Sequence[Any],
        pipe: Sequence[int],
        notify: Callable[[], None],
    ) -> None:
        self.connections: dict[Connection, None] = {}
        """All of them, the oldest first."""
        self._config, self._application, self._listeners = config, application, listeners
        self._woken, self._wake = pipe
        self._notify = notify
        self._selector = DefaultSelector()
        self._hooks = ThreadPoolExecutor(config.threads)
        self._anonymous, self._probes = ThreadPoolExecutor(ANONYMOUS_THREADS), ThreadPoolExecutor(1)
        self._answers: dict[Connection, Future[Answer]] = {}
        self._done: deque[Connection] = deque()
        self._accepts = 1
        self._stopping = False
        self._next_tick = 0.0
        self._selector.register(self._woken, EVENT_READ)
        for listener in listeners:
            listener.setblocking(False)
            self._selector.register(listener, EVENT_READ, listener)

    def stop(self) -> None:
        """Ends what has begun; idle and anonymous connections have a moment more."""
        self._stopping = True
        for listener in self._listeners:
            self._selector.unregister(listener)
            listener.close()
        now = monotonic()
        for connection in self.connections:
            connection.keep_idle = LINGER_SECONDS
            if connection.idle or not connection.authenticated:
                connection.deadline = min(connection.deadline, now + LINGER_SECONDS)
        while self.connections and monotonic() < now + self._config.graceful_timeout:
            self.turn()
        for connection in list(self.connections):
            self._close(connection)
        for pool in (self._hooks, self._anonymous, self._probes):
            pool.shutdown(wait=False)
        self._selector.close()

    def turn(self) -> None:
        """One turn: authenticated clients, responses, new connections, and others as long as there is time."""
        anonymous: list[Connection] = []
        listeners = []
        for key, _ in self._selector.select(TICK_SECONDS):
            if not isinstance(key.data, Connection):
                listeners += [key.data] if key.data else []
            elif key.data.authenticated:
                self._serve(key.data)
            else:
                anonymous.append(key.data)
        with suppress(BlockingIOError):
            os.read(self._woken, 4096)
        while self._done:
            self._finish(self._done.popleft())
        for listener in listeners:
            self._accept_some(listener)
        until = monotonic() + ANONYMOUS_SECONDS
        for connection in sorted(anonymous, key=lambda one: one.served):
            if connection in self.connections and monotonic() < until:
                self._serve(connection)
        if monotonic() > self._next_tick:
            self._next_tick = monotonic() + TICK_SECONDS
            self._notify()
            self._close_late()

    def _close_late(self) -> None:
        now = monotonic()
        for connection in list(self.connections):
            if connection.deadline < now and connection.phase is not Phase.APPLICATION:
                self._close(connection)

    def _accept_some(self, listener: Any) -> None:  # noqa: ANN401
        """Takes one connection, so that other processes have theirs; more and more where they keep on waiting."""
        waiting = all(self._accept(listener) for _ in range(self._accepts))
        self._accepts = min(2 * self._accepts, MOST_ACCEPTS) if waiting else 1

    def _accept(self, listener: Any) -> bool:  # noqa: ANN401
        """Whether there was a connection. The oldest anonymous one gives way where there are too many, or of files."""
        try:
            sock, peer = listener.accept()
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                self._evict()
            return False  # else it is gone already, or another process has it
        server = listener.getsockname()
        try:
            sock.setblocking(False)
            if self._config.is_ssl:
                context = ssl_context(self._config)
                sock = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):
            sock.close()
            return True
        begin = partial(Incoming, self._config, self._application.extensions["body_rule"], peer, server)
        connection = Connection(sock, begin, self._config.keepalive)
        self.connections[connection] = None
        self._selector.register(sock, EVENT_READ, connection)
        if sum(not one.authenticated for one in self.connections) > MAX_ANONYMOUS:
            self._evict()
        return True

    def _evict(self) -> None:
        """Closes the oldest anonymous connection, but none that is being answered at the moment."""
        for connection in self.connections:
            answering = self._answers.get(connection)
            if not connection.authenticated and (answering is None or answering.cancel()):
                self._close(connection)
                return

    def _serve(self, connection: Connection) -> None:
        """Goes on with a connection that is ready."""
        connection.served = monotonic()
        if connection.phase is Phase.APPLICATION:  # it sends more, which is not read before the response
            self._wait_for(connection, 0)
            return
        try:
            connection.on_ready()
        except ClosedError:
            self._close(connection)
        except MalformedError as error:
            self._refuse(connection, error)
        except Exception:  # noqa: BLE001 - the other connections go on
            logger().exception("connection failed")
            self._close(connection)
        else:
            self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        """Waits for what a connection waits for, or has its request answered in another thread."""
        if connection.phase is not Phase.APPLICATION:
            self._wait_for(connection, connection.wants)
            return
        incoming = connection.incoming
        pool = self._probes if incoming.head.path in PROBES else self._anonymous
        if incoming.authenticated and not incoming.refusal:
            pool = self._hooks
        future = pool.submit(answer, self._application, self._config, incoming, last=self._stopping)
        self._answers[connection] = future
        future.add_done_callback(partial(self._answered, connection))

    def _answered(self, connection: Connection, _: "Future[Answer]") -> None:
        """Called in the thread that has the response."""
        self._done.append(connection)
        with suppress(BlockingIOError):  # the pipe is full, and so it wakes already
            os.write(self._wake, b".")

    def _finish(self, connection: Connection) -> None:
        """Begins to write the response."""
        future = self._answers.pop(connection, None)
        if future is None:  # it was closed meanwhile
            return
        connection.incoming.answered()
        try:
            data, last = future.result()
        except Exception:  # noqa: BLE001 - as above
            logger().exception("request failed")
            self._close(connection)
        else:
            connection.respond(data, last=last)
            self._serve(connection)

    def _refuse(self, connection: Connection, error: MalformedError) -> None:
        """Answers what is no request."""
        facts = {"client": connection.incoming.peer[0], "code": error.code, "error": str(error)}
        logger().warning("malformed request", extra={"facts": facts})
        data, last = malformed(error)
        connection.respond(data, last=last)
        self._serve(connection)

    def _wait_for(self, connection: Connection, events: int) -> None:
        """Waits for these events of a connection; for none while it is being answered."""
        key = self._selector.get_map().get(connection.sock)
        if not events and key:
            self._selector.unregister(connection.sock)
        elif events and not key:
            self._selector.register(connection.sock, events, connection)
        elif key and key.events != events:
            self._selector.modify(connection.sock, events, connection)

    def _close(self, connection: Connection) -> None:
        self._wait_for(connection, 0)
        self._answers.pop(connection, None)
        del self.connections[connection]
        connection.close()
