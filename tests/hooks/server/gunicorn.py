"""The hook server as it is shipped, as a process: gunicorn with the project's settings, on loopback."""

import contextlib
import http.client
import os
import sys
import time

import pytest

from tests.kustomize import ROOT

SETTINGS = ROOT / "hooks" / "server" / "gunicorn_conf.py"
COMMAND = [sys.executable, "-m", "gunicorn", "-c", str(SETTINGS), "hooks.server.app:create_app()"]


def environment(folder, port, **more):
    metrics = folder / "metrics"
    metrics.mkdir()
    own = {"AIM_BIND": f"127.0.0.1:{port}", "AIM_WORKERS": "2", "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    return os.environ | own | more


def call(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read().decode()


def wait(process, port, seconds=30):
    for _ in range(seconds * 50):
        assert process.poll() is None, "gunicorn ended"
        with contextlib.suppress(OSError):
            if call(port, "GET", "/readyz") == (200, "ok\n"):
                return
        time.sleep(0.02)
    pytest.fail(f"not ready after {seconds} s")
