"""gunicorn's threaded worker, with a time limit for requests to arrive: each would otherwise hold a thread for ever."""

import socket
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from hooks.server.limits import arrivals


class Worker(ThreadWorker):  # type: ignore[misc]
    """Cuts off clients that start a handshake, a header or a body and do not finish it."""

    def handle(self, conn: Any) -> Any:  # noqa: ANN401
        arrivals.expect(lambda: _cut(conn))
        try:
            return super().handle(conn)
        finally:
            arrivals.arrived()

    def murder_pending(self) -> None:
        """Called at least every second by the main loop."""
        super().murder_pending()
        arrivals.cut_late()


def _cut(conn: Any) -> None:  # noqa: ANN401
    # Not conn.sock.shutdown: that of a TLS socket removes the TLS object, which the reading thread still uses.
    with suppress(OSError):
        socket.socket.shutdown(conn.sock, socket.SHUT_RDWR)
