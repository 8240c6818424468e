"""Settings of gunicorn, which runs the hook server: `gunicorn -c hooks/gunicorn_conf.py 'hooks.app:create_app()'`."""

import gc
import os
import signal
import tempfile
from types import FrameType
from typing import Any

from prometheus_client import multiprocess

from hooks import draining

bind = os.environ.get("AIM_BIND", "0.0.0.0:8080")
worker_class = "gthread"
workers = int(os.environ.get("AIM_WORKERS", "2"))
threads = 24  # with two workers, more than twice Metacontroller's 20
keepalive = 120  # longer than the 90 s for which Go's client keeps an idle connection, which else meets a closed one
timeout = 60
graceful_timeout = 30
drain = float(os.environ.get("AIM_DRAIN_SECONDS", "0"))  # how long it goes on after it was told to stop
preload_app = True  # the data files are read once and shared
worker_tmp_dir = os.environ.get("AIM_WORKER_TMP")
errorlog = "-"
loglevel = "warning"

os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="aim-metrics-"))


def when_ready(server: Any) -> None:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Put a while between the word to stop and the stop.

    Whoever sends requests learns of the stop only after this server does: from /readyz, or from the cluster. Until
    then everything is answered, on new connections, too. Who says it twice stops it at once.
    """
    stop = signal.getsignal(signal.SIGTERM)

    def told(_signal: int, _frame: FrameType | None) -> None:
        draining.begin()
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        signal.setitimer(signal.ITIMER_REAL, drain)

    if drain:
        signal.signal(signal.SIGTERM, told)


def pre_fork(server: Any, worker: Any) -> None:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Keep what was read at the start out of garbage collection.

    Walking all of it takes 90 ms, which a request would wait for, and would copy the pages that the workers share.
    """
    gc.freeze()


def child_exit(server: Any, worker: Any) -> None:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Let a dead worker's gauges go."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
