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

from hooks.server import roles, shutdown
from hooks.server.tls import server_contexts

bind = os.environ.get("AIM_BIND", "0.0.0.0:8443,0.0.0.0:9443").split(",")
worker_class = "hooks.server.worker.Worker"
hook_workers = int(os.environ.get("AIM_WORKERS", "2"))
workers = roles.processes(hook_workers, os.environ.get("AIM_ADMISSION_PORT"))
threads = 24  # with two workers, more than twice Metacontroller's 20
keepalive = 120  # longer than the 90 s for which Go's client keeps an idle connection, which else meets a closed one
forwarded_allow_ips = ""  # no proxy is in front, whose headers would be believed
timeout = 60
graceful_timeout = 30
drain = float(os.environ.get("AIM_DRAIN_SECONDS", "0"))  # how long it keeps serving after SIGTERM
preload_app = True  # the data files are read once, and shared by the workers
worker_tmp_dir = os.environ.get("AIM_WORKER_TMP")
errorlog = "-"
loglevel = "warning"

if "AIM_TLS" in os.environ:  # a folder with the certificate and its key
    certfile, keyfile = (str(Path(os.environ["AIM_TLS"], name)) for name in ("tls.crt", "tls.key"))
tls_context = server_contexts(Path(os.environ.get("AIM_TLS", ".")))

if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="aim-metrics-")


def ssl_context(config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Called for every connection: a renewed certificate needs no restart."""
    return tls_context()


def when_ready(server: Any) -> None:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Keep serving for `drain` seconds after SIGTERM; a second SIGTERM stops at once.

    Clients learn of the shutdown only later, from /readyz or from the cluster. Until then all requests are served, on
    new connections, too.
    """
    stop = signal.getsignal(signal.SIGTERM)

    def on_sigterm(_signal: int, _frame: FrameType | None) -> None:
        shutdown.begin()
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        signal.setitimer(signal.ITIMER_REAL, drain)

    if drain:
        signal.signal(signal.SIGTERM, on_sigterm)


def pre_fork(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Give the worker its ports, and exclude the data read at start from garbage collection.

    A collection would take 90 ms, during which requests wait, and copy the memory pages that the workers share. Of what
    remains, a request's own objects are a few thousand that have no cycles: they are looked at less often.
    """
    worker.role = roles.missing(server, os.environ.get("AIM_ADMISSION_PORT"))
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def post_worker_init(worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Start the catalogue's observer, where it is enabled, before the first admission request needs it."""
    if worker.role.admission:
        worker.wsgi.extensions["catalogue"]()


def child_exit(server: Any, worker: Any) -> None:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Remove the gauges of a dead worker."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
