"""The process that serves: one thread does all network I/O, and a request takes another one when it is complete.

So connections that send nothing, or half of something, cost memory alone, of which there is a bound; gunicorn's own
threaded worker reads each request in the thread that answers it. Clients with an accepted token have their turn first,
and threads that others cannot take.
"""

import errno
import os
import resource
import selectors
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from gunicorn.sock import ssl_context  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker as BaseWorker  # type: ignore[import-untyped]

from hooks.observability.logs import logger
from hooks.server.answer import Answer, answer, malformed
from hooks.server.connection import LINGER_SECONDS, ClosedError, Connection, Phase
from hooks.server.incoming import Incoming, MalformedError
from hooks.server.limits import MAX_STRANGERS
from hooks.server.roles import EVERYTHING

STRANGERS_THREADS = 2
"""Threads for requests without an accepted token: /metrics and refusals."""
PROBES = {"/healthz", "/readyz"}
"""Paths with a thread of their own: the kubelet must not wait for strangers."""
STRANGERS_SECONDS = 0.01
"""How long strangers have their turn before the loop looks again for others."""


class Worker(BaseWorker):  # type: ignore[misc]
    """A worker of gunicorn, for the ports of its role."""

    role = EVERYTHING
    alive: bool
    sockets: list[Any]

    def init_process(self) -> None:
        """Prepares what must not be shared with the master."""
        self.sockets = [one for one in self.sockets if self.role.serves(one.getsockname()[1])]
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = max(soft, 4 * MAX_STRANGERS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard < 0 else min(wanted, hard), hard))
        self.selector = selectors.DefaultSelector()
        self.friends = ThreadPoolExecutor(self.cfg.threads)
        self.strangers = ThreadPoolExecutor(STRANGERS_THREADS)
        self.probes = ThreadPoolExecutor(1)
        self.connections: dict[Connection, None] = {}
        """All of them, the oldest first."""
        self.done: deque[tuple[Connection, Future[Answer]]] = deque()
        self.looked_after = 0.0
        super().init_process()

    def run(self) -> None:
        """Serves until it is told to stop; then ends what has begun."""
        self.selector.register(self.PIPE[0], selectors.EVENT_READ, None)
        for listener in self.sockets:
            listener.setblocking(False)
            self.selector.register(listener, selectors.EVENT_READ, listener)
        while self.alive and self.ppid == os.getppid():
            self.turn()
        self.alive = False
        for listener in self.sockets:
            self.selector.unregister(listener)
            listener.close()
        now = monotonic()
        for connection in self.connections:
            connection.keep_idle = LINGER_SECONDS
            if connection.idle or not connection.friend:
                connection.deadline = min(connection.deadline, now + LINGER_SECONDS)
        while self.connections and monotonic() < now + self.cfg.graceful_timeout:
            self.turn()
        for pool in (self.friends, self.strangers, self.probes):
            pool.shutdown(wait=False)

    def turn(self) -> None:
        """One turn of the loop: clients with a token, responses, new connections, and strangers while there is time."""
        ready = self.selector.select(0.5)
        strangers = []
        for key, _ in ready:
            if isinstance(key.data, Connection):
                if key.data.friend:
                    self.serve(key.data)
                else:
                    strangers.append(key.data)
        with suppress(BlockingIOError):
            os.read(self.PIPE[0], 4096)
        while self.done:
            self.finish(*self.done.popleft())
        for key, _ in ready:
            if key.data is not None and not isinstance(key.data, Connection):
                self.accept(key.data)
        until = monotonic() + STRANGERS_SECONDS
        for connection in sorted(strangers, key=lambda one: one.served):
            if connection in self.connections:
                self.serve(connection)
            if monotonic() > until:
                break
        self.look_after()

    def look_after(self) -> None:
        """Each half second: tells the master that it lives, and closes what is late."""
        now = monotonic()
        if now - self.looked_after < 0.5:
            return
        self.looked_after = now
        self.notify()
        for connection in [one for one in self.connections if one.deadline < now]:
            if connection.phase is not Phase.APPLICATION:
                self.close(connection)

    def accept(self, listener: Any) -> None:  # noqa: ANN401
        """Takes one connection; the oldest of a stranger is closed where there are too many of them, or of files."""
        try:
            sock, peer = listener.accept()
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                self.evict()
            return  # else it is gone already, or another worker has it
        server = listener.getsockname()
        try:
            sock.setblocking(False)
            if self.cfg.is_ssl:
                context = ssl_context(self.cfg)
                sock = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):
            sock.close()
            return
        begin = partial(Incoming, self.cfg, self.wsgi.extensions["body_rule"], peer, server)
        connection = Connection(sock, begin, self.cfg.keepalive)
        self.connections[connection] = None
        self.selector.register(sock, selectors.EVENT_READ, connection)
        if sum(not one.friend for one in self.connections) > MAX_STRANGERS:
            self.evict()

    def evict(self) -> None:
        """Closes the oldest connection of a stranger, but none that is being answered."""
        for connection in self.connections:
            if not connection.friend and connection.phase is not Phase.APPLICATION:
                self.close(connection)
                return

    def serve(self, connection: Connection) -> None:
        """Goes on with a connection that is ready."""
        connection.served = monotonic()
        if connection.phase is Phase.APPLICATION:  # it sends more: not read before the response
            self.wait_for(connection, 0)
            return
        try:
            connection.on_ready()
        except ClosedError:
            self.close(connection)
        except MalformedError as error:
            self.refuse(connection, error)
        except Exception:  # noqa: BLE001 - one connection must not end the others
            logger().exception("connection failed")
            self.close(connection)
        else:
            self.go_on(connection)

    def go_on(self, connection: Connection) -> None:
        """Waits for what a connection waits for, or begins to answer its request."""
        if connection.phase is not Phase.APPLICATION:
            self.wait_for(connection, connection.wants)
            return
        incoming = connection.incoming
        pool = self.probes if incoming.head.path in PROBES else self.strangers
        if incoming.proven and not incoming.refusal:
            pool = self.friends
        future = pool.submit(answer, self.wsgi, self.cfg, incoming, last=not self.alive)
        future.add_done_callback(partial(self.wake, connection))

    def wake(self, connection: Connection, future: "Future[Answer]") -> None:
        """Called in the thread that has the response."""
        self.done.append((connection, future))
        with suppress(BlockingIOError):  # it is full, and so it wakes already
            os.write(self.PIPE[1], b".")

    def finish(self, connection: Connection, future: "Future[Answer]") -> None:
        """Begins to write the response of the application."""
        connection.incoming.answered()
        try:
            data, last = future.result()
        except Exception:  # noqa: BLE001 - as any error of the application
            logger().exception("request failed")
            self.close(connection)
            return
        connection.respond(data, last=last)
        self.serve(connection)

    def refuse(self, connection: Connection, error: MalformedError) -> None:
        """Answers what is no request."""
        facts = {"client": connection.incoming.peer[0], "code": error.code, "error": str(error)}
        logger().warning("malformed request", extra={"facts": facts})
        data, last = malformed(error)
        connection.respond(data, last=last)
        self.serve(connection)

    def wait_for(self, connection: Connection, events: int) -> None:
        """Waits for these events of a connection; for none while it is being answered."""
        key = self.selector.get_map().get(connection.sock)
        if not events and key:
            self.selector.unregister(connection.sock)
        elif events and not key:
            self.selector.register(connection.sock, events, connection)
        elif key and key.events != events:
            self.selector.modify(connection.sock, events, connection)

    def close(self, connection: Connection) -> None:
        """Closes a connection at once."""
        self.wait_for(connection, 0)
        del self.connections[connection]
        connection.close()
