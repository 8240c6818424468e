"""A hook server that is replaced under load: whoever follows readiness sees no request fail."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import threading
import time
from typing import NamedTuple

import pytest

from hooks.server import shutdown
from tests.cluster.processes import free_ports
from tests.hooks.server.gunicorn import COMMAND, call, environment, wait
from tests.kustomize import ROOT

CALLERS = 8
DRAIN = 1.5
"""Seconds; readiness is asked for every twentieth of one."""
PARENT = {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMEndpoint", "metadata": {"name": "chat"}}
BODY = json.dumps({"parent": PARENT | {"spec": {"modelId": "Qwen/Qwen3-32B"}}}).encode()


class Server(NamedTuple):
    process: subprocess.Popen
    port: int


@contextlib.contextmanager
def serving(folder, **settings):
    """A hook server with its own folder."""
    folder.mkdir()
    [port] = free_ports(1)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(COMMAND, cwd=ROOT, env=environment(folder, port, **settings), stderr=log)
        try:
            wait(process, port)
            yield Server(process, port)
        finally:
            process.terminate()
            process.wait(timeout=40)


class Traffic:
    """Callers that keep their connections, as Metacontroller does, and send to a server that said it was ready."""

    def __init__(self):
        self.ready = []
        self.answered = []
        self.failed = []
        self.over = threading.Event()

    def follow(self, *ports):
        while not self.over.wait(0.05):
            self.ready = [port for port in ports if says_ready(port)]

    def send(self):
        connections = {}
        while not self.over.is_set():
            if not self.ready:
                time.sleep(0.01)
                continue
            port = self.ready[0]
            connection = connections.setdefault(port, http.client.HTTPConnection("127.0.0.1", port, timeout=10))
            try:
                connection.request("POST", "/endpoint/customize", BODY)
                response = connection.getresponse()
                response.read()
                (self.answered if response.status == 200 else self.failed).append((port, time.monotonic()))
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self.failed.append((port, repr(error)))
        for connection in connections.values():
            connection.close()

    @contextlib.contextmanager
    def flowing(self, *ports):
        threads = [threading.Thread(target=self.follow, args=ports)]
        threads += [threading.Thread(target=self.send) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()


def says_ready(port):
    try:
        return call(port, "GET", "/readyz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def begun(port):
    """A request of which half is sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("POST", "/endpoint/customize")
    connection.putheader("Content-Length", str(len(BODY)))
    connection.endheaders(BODY[:20])
    return connection


@pytest.mark.slow
def test_no_request_to_a_ready_server_fails_while_another_takes_over(tmp_path):
    traffic = Traffic()
    settings = {"AIM_DRAIN_SECONDS": str(DRAIN)}
    with (
        serving(tmp_path / "old", **settings) as old,
        serving(tmp_path / "new", **settings) as new,
        traffic.flowing(old.port, new.port),
    ):
        time.sleep(1)
        half = begun(old.port)
        told = time.monotonic()
        old.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert call(old.port, "GET", "/readyz") == (503, "stopping\n")
        assert call(old.port, "GET", "/healthz")[0] == 200
        half.send(BODY[20:])
        assert half.getresponse().status == 200
        half.close()
        assert old.process.wait(timeout=30) == 0
        took = time.monotonic() - told
        time.sleep(0.5)
    assert traffic.failed == []
    assert took >= DRAIN
    by_old, by_new = ([moment for port, moment in traffic.answered if port == one.port] for one in (old, new))
    assert len(by_old) > 50
    assert max(by_old) > told
    assert len(by_new) > 50
    assert min(by_new) > told


@pytest.fixture
def signals(monkeypatch):
    """The handlers that are set, by signal, and the timers; this process keeps its own."""
    found = {signal.SIGTERM: "gunicorn's"}
    monkeypatch.setattr(signal, "getsignal", found.get)
    monkeypatch.setattr(signal, "signal", found.__setitem__)
    monkeypatch.setattr(signal, "setitimer", lambda _which, seconds: found.update(timer=seconds))
    monkeypatch.setattr(shutdown, "flag", bytearray(1))
    return found


def test_the_first_sigterm_drains_and_the_second_stops_at_once(signals, settings, client, monkeypatch):
    sent = []
    monkeypatch.setattr(os, "kill", lambda *what: sent.append(what))
    settings["when_ready"].__globals__["drain"] = 7.0
    settings["when_ready"](None)
    assert client.get("/readyz").status_code == 200
    signals[signal.SIGTERM](signal.SIGTERM, None)
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (503, "stopping\n")
    assert client.get("/healthz").status_code == 200
    assert signals[signal.SIGTERM] == "gunicorn's"
    assert signals["timer"] == 7
    signals[signal.SIGALRM](signal.SIGALRM, None)
    assert sent == [(os.getpid(), signal.SIGTERM)]


def test_without_a_while_to_wait_gunicorn_stops_as_it_does(signals, settings):
    settings["when_ready"](None)
    assert signals == {signal.SIGTERM: "gunicorn's"}
