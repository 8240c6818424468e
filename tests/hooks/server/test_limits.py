"""What one process takes on at a time: bodies that fit, and requests that arrive."""

import contextlib
import io
import json
import socket
import subprocess
import sys
import threading
import time

import pytest
from gunicorn.workers.gthread import ThreadWorker
from werkzeug.exceptions import TooManyRequests

from hooks.server import limits
from hooks.server.app import create_app
from hooks.server.limits import ARRIVAL_SECONDS, MAX_BODY, Arrivals, BodyBudget
from hooks.server.worker import Worker
from tests.cluster.processes import free_ports
from tests.hooks.server.gunicorn import SETTINGS, call, environment, wait
from tests.kustomize import ROOT


def test_bodies_share_the_room_and_give_it_back():
    room = BodyBudget(100)
    with room.hold(60), room.hold(40), pytest.raises(TooManyRequests, match="of 1 bytes while 0 bytes are free"):
        room.hold(1).__enter__()
    with room.hold(100):
        pass
    with pytest.raises(ZeroDivisionError), room.hold(100):
        raise ZeroDivisionError
    with room.hold(100):
        pass


def test_a_body_of_the_largest_size_finds_room_when_it_is_alone():
    with BodyBudget().hold(MAX_BODY):
        pass


def test_a_body_that_does_not_fit_now_gets_a_retry_after(monkeypatch, endpoint):
    monkeypatch.setattr(limits.BodyBudget.__init__, "__defaults__", (10,))
    client = create_app().test_client()
    body = json.dumps(endpoint(modelId="Qwen/Qwen3-32B")).encode()
    sent = io.BytesIO(body)
    answer = client.post("/endpoint/customize", input_stream=sent, content_length=len(body))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert sent.tell() == len(body)  # else whoever still sends would find the connection broken
    assert answer.json["error"].startswith("Too Many Requests: a body of ")
    assert 'reason="Busy"' in client.get("/metrics").text


def test_a_body_of_undeclared_size_needs_the_whole_budget_and_one_too_large_none(monkeypatch):
    sizes = []
    monkeypatch.setattr(limits.BodyBudget, "hold", lambda _, size: sizes.append(size) or contextlib.nullcontext())
    client = create_app().test_client()
    told = ({"HTTP_TRANSFER_ENCODING": "chunked"}, {"CONTENT_LENGTH": str(2 * MAX_BODY)}, {"CONTENT_LENGTH": "7"})
    for headers in told:
        client.post("/endpoint/customize", environ_overrides=headers)
    assert sizes == [MAX_BODY, 7]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_late_request_is_cut_off_once_and_an_arrived_one_never():
    clock, cut = Clock(), []
    arrivals = Arrivals(clock)
    arrivals.expect(lambda: cut.append("mine"))
    other = threading.Thread(target=lambda: arrivals.expect(lambda: cut.append("other")))
    other.start()
    other.join()
    arrivals.arrived()
    arrivals.arrived()
    clock.now = ARRIVAL_SECONDS - 0.1
    arrivals.cut_late()
    assert cut == []
    clock.now = ARRIVAL_SECONDS
    arrivals.cut_late()
    arrivals.cut_late()
    assert cut == ["other"]


def test_a_worker_expects_the_request_that_it_reads_and_cuts_its_connection(monkeypatch):
    clock, here, there = Clock(), *socket.socketpair()
    arrivals = Arrivals(clock)
    monkeypatch.setattr("hooks.server.worker.arrivals", arrivals)
    monkeypatch.setattr(ThreadWorker, "murder_pending", lambda _: None)
    worker = Worker.__new__(Worker)

    class Connection:
        sock = here

    def read(_, conn):
        clock.now += ARRIVAL_SECONDS
        worker.murder_pending()
        return conn.sock.recv(1)

    monkeypatch.setattr(ThreadWorker, "handle", read)
    assert worker.handle(Connection()) == b""
    assert there.recv(1) == b""
    here.close()
    worker.murder_pending()
    monkeypatch.setattr(ThreadWorker, "handle", read)
    with pytest.raises(OSError, match="descriptor"):
        worker.handle(Connection())
    there.close()


QUICK = "from hooks.server import limits; limits.ARRIVAL_SECONDS = 1.0; from gunicorn.app.wsgiapp import run; run()"


@pytest.mark.slow
def test_clients_that_never_finish_a_request_do_not_block_others(tmp_path):
    """As many as there are threads, and more, each with a request of which a part is sent."""
    [port] = free_ports(1)
    command = [sys.executable, "-c", QUICK, "-c", str(SETTINGS), "hooks.server.app:create_app()"]
    environ = environment(tmp_path, port, AIM_WORKERS="1")
    with (tmp_path / "log").open("w") as log, contextlib.ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(command, cwd=ROOT, env=environ, stderr=log))
        stack.callback(process.terminate)
        wait(process, port)
        begun = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(40)]
        for one in begun:
            one.sendall(b"POST /endpoint/sync HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        started = time.monotonic()
        assert call(port, "GET", "/readyz")[0] == 200
        assert time.monotonic() - started < 9
        for one in begun:
            one.settimeout(10)
            with contextlib.suppress(ConnectionResetError):
                while one.recv(4096):
                    pass
