"""Settings of gunicorn, which runs the hook server: `gunicorn -c hooks/gunicorn_conf.py 'hooks.app:create_app()'`."""

import gc
import os
import tempfile
from typing import Any

from prometheus_client import multiprocess

bind = os.environ.get("AIM_BIND", "0.0.0.0:8080")
worker_class = "gthread"
workers = int(os.environ.get("AIM_WORKERS", "2"))
threads = 24  # with two workers, more than twice Metacontroller's 20
keepalive = 120  # longer than the 90 s for which Go's client keeps an idle connection, which else meets a closed one
timeout = 60
graceful_timeout = 30
preload_app = True  # the data files are read once and shared
worker_tmp_dir = os.environ.get("AIM_WORKER_TMP")
errorlog = "-"
loglevel = "warning"

os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="aim-metrics-"))


def pre_fork(server: Any, worker: Any) -> None:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Keep what was read at the start out of garbage collection.

    Walking all of it takes 90 ms, which a request would wait for, and would copy the pages that the workers share.
    """
    gc.freeze()


def child_exit(server: Any, worker: Any) -> None:  # noqa: ANN401, ARG001 - gunicorn's hook
    """Let a dead worker's gauges go."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
