"""Settings of gunicorn, which runs the hook server.

`gunicorn -c python:hooks.server.gunicorn_conf 'hooks.server.app:create_app()'`
"""

import gc
import os
import signal
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from prometheus_client import multiprocess

from hooks.server import shutdown
from hooks.server.tls import contexts

bind = os.environ.get("AIM_BIND", "0.0.0.0:8443,0.0.0.0:9443").split(",")
worker_class = "hooks.server.worker.Worker"
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

if "AIM_TLS" in os.environ:  # a folder with the certificate and its key
    certfile, keyfile = (str(Path(os.environ["AIM_TLS"], name)) for name in ("tls.crt", "tls.key"))
served = contexts(Path(os.environ.get("AIM_TLS", ".")))

os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="aim-metrics-"))


def ssl_context(config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Asked for at every connection: a renewed certificate needs no restart."""
    return served()


def when_ready(server: Any) -> None:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Put a while between the word to stop and the stop.

    Whoever sends requests learns of the stop only after this server does: from /readyz, or from the cluster. Until
    then everything is answered, on new connections, too. Who says it twice stops it at once.
    """
    stop = signal.getsignal(signal.SIGTERM)

    def told(_signal: int, _frame: FrameType | None) -> None:
        shutdown.begin()
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


def post_worker_init(worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Begin to read the catalogue, where that is switched on, before the first question needs it."""
    worker.wsgi.extensions["catalogue"]()


def child_exit(server: Any, worker: Any) -> None:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Let a dead worker's gauges go."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
