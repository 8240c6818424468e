"""A worker of gunicorn that serves the ports of its role by an event loop."""

import os
import resource
from typing import Any

from gunicorn.workers.base import Worker as BaseWorker  # type: ignore[import-untyped]

from hooks.server.event_loop import EventLoop
from hooks.server.limits import MAX_ANONYMOUS
from hooks.server.roles import EVERYTHING


class Worker(BaseWorker):  # type: ignore[misc]
    """One process. Gunicorn's own threaded worker reads each request in the thread that answers it."""

    role = EVERYTHING
    alive: bool
    sockets: list[Any]

    def init_process(self) -> None:
        """Called in the new process; ends when `run` does."""
        self.sockets = [socket for socket in self.sockets if self.role.serves(socket.getsockname()[1])]
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * MAX_ANONYMOUS), hard), hard))
        super().init_process()

    def run(self) -> None:
        """Serves until it is told to stop, or the master is gone; then ends what has begun."""
        loop = EventLoop(self.cfg, self.wsgi, self.sockets, self.PIPE, self.notify)
        while self.alive and self.ppid == os.getppid():
            loop.turn()
        loop.stop()
