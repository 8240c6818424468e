"""The processes as they are shipped, with TLS and tokens, among clients that nobody invited."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.workers.base import Worker as BaseWorker

from hooks.server.limits import MAX_BODY
from hooks.server.roles import EVERYTHING, Role
from hooks.server.worker import Worker
from tests.bench.processes import members
from tests.kustomize import ROOT
from tests.reviews import reviewed
from tests.secured import REVIEW_PATH, ask, secured, with_token
from tests.world import parent

IDLE, SLOW = 150, 24
"""Of anonymous clients on each port; `make bench` has more, and measures."""
HOOK_THREADS = 24
REVIEW = reviewed(parent("endpoint", {"endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B"}}}))


def test_a_worker_serves_the_ports_of_its_role_until_it_is_told_to_stop_or_the_master_is_gone(monkeypatch):
    monkeypatch.setattr(BaseWorker, "init_process", Worker.run)
    for ended in ("alive", "ppid"):
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        ports = [listener.getsockname()[1] for listener in listeners]
        worker = Worker.__new__(Worker)
        worker.sockets, worker.role = listeners, Role(ports[1], hooks=False)
        worker.cfg, worker.wsgi, worker.PIPE = Config(), None, os.pipe()
        os.set_blocking(worker.PIPE[0], False)
        worker.alive, worker.ppid = True, os.getppid()
        worker.notify = partial(setattr, worker, ended, 0)
        worker.init_process()
        assert [listener.fileno() < 0 for listener in listeners] == [False, True]
        listeners[0].close()
        for end in worker.PIPE:
            os.close(end)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with secured(tmp_path_factory.mktemp("server") / "files") as running:
        yield running


@pytest.fixture
def body(endpoint):
    return with_token(endpoint(modelId="Qwen/Qwen3-32B"))


@contextlib.contextmanager
def anonymous(port):
    """Many of them, in a process of their own."""
    command = [sys.executable, "-m", "tests.anonymous", str(port), str(IDLE), str(SLOW)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.communicate("", timeout=60)


def threads(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Threads:"))


def workers(server):
    return [pid for pid in members(server.process.pid) if pid != server.process.pid]


def test_each_port_answers_its_own(server, body):
    assert server.call("POST", "/endpoint/sync", body)[0] == 200
    assert server.call("POST", REVIEW_PATH, REVIEW, server.admission)[0] == 200
    assert server.call("POST", REVIEW_PATH, REVIEW)[0] == 404
    assert server.call("GET", "/metrics", port=server.admission)[0] == 404
    text = server.call("GET", "/metrics")[1]
    assert 'aim_admission_requests_total{verdict="NotChecked",webhook="endpoints/validate/warn"}' in text
    assert 'aim_hook_requests_total{code="200",hook="/endpoint/sync"}' in text


@pytest.mark.slow
def test_valid_requests_are_answered_among_idle_and_slow_connections(server, body):
    for port in (server.port, server.admission):
        with anonymous(port), contextlib.closing(server.connect()) as kept:
            for _ in range(20):
                codes = [
                    ask(kept, "POST", "/endpoint/sync", body)[0],
                    server.call("POST", "/endpoint/sync", body)[0],
                    server.call("POST", REVIEW_PATH, REVIEW, server.admission)[0],
                    server.call("GET", "/readyz")[0],
                    server.call("GET", "/metrics")[0],
                ]
                assert codes == [200] * 5
            assert max(threads(pid) for pid in workers(server)) < HOOK_THREADS
    assert "Traceback" not in server.process.log.read_text()


HEAD = b"POST /endpoint/sync HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MALFORMED = [
    (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400),
    (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", 400),
    (CHUNKED + b"2\r\n{}{}\r\n0\r\n\r\n", 400),
    (CHUNKED + b"\r\n", 400),
    (HEAD + b"Content-Length: two\r\n\r\n{}", 400),
    (HEAD + b"Content-Length: 2\r\n\r\n{}", 401),
    (HEAD + b"Content-Length: %d\r\n\r\n{}" % (2 * MAX_BODY), 413),
    (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
    (HEAD + b"Expect: everything\r\n\r\n", 417),
    (b"\x00\x01\x02\r\n\r\n", 400),
    (b"GET /healthz HTTP/3.0\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nSCRIPT_NAME: /x\r\n\r\n", 200),
    (b"GET /%ff%00 HTTP/1.1\r\nHost: \xff\r\n\r\n", 404),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
]


@pytest.mark.parametrize(("sent", "code"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_request_has_a_status_and_no_traceback(server, sent, code):
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
        server.context.wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(sent)
        assert int(client.recv(20).split()[1]) == code
    assert "Traceback" not in server.process.log.read_text()


def test_a_body_without_a_token_is_refused_before_it_is_sent(server):
    with contextlib.closing(server.connect()) as client:
        client.putrequest("POST", "/endpoint/sync")
        client.putheader("Content-Length", str(MAX_BODY))
        client.endheaders(b'{"a":"' + b"x" * 2**17)
        response = client.getresponse()
        assert response.status == 401
        assert "it has none in the first 65536 bytes of the body" in json.loads(response.read())["error"]
    text = server.call("GET", "/metrics")[1]
    assert 'aim_hook_errors_total{hook="/endpoint/sync",reason="Unauthorised"}' in text
    assert [line for line in server.log() if line.get("code") == 401][-1]["hook"] == "/endpoint/sync"


def test_accepted_bodies_that_do_not_fit_at_once_are_refused_for_a_second(server, body):
    text = json.dumps(body).encode()
    with contextlib.closing(server.connect()) as client:
        client.putrequest("POST", "/endpoint/sync")
        client.putheader("Content-Length", str(MAX_BODY))
        client.endheaders(text + b" " * 2**13)
        for _ in range(100):
            with contextlib.closing(server.connect()) as other:
                other.request("POST", "/endpoint/sync", text)
                response = other.getresponse()
                answer = json.loads(response.read())
            if response.status == 429:
                break
            time.sleep(0.05)
        assert (response.status, response.headers["Retry-After"]) == (429, "1")
        assert answer["error"].startswith("Too Many Requests: a body of ")
    for _ in range(100):
        if server.call("POST", "/endpoint/sync", body)[0] == 200:
            return
        time.sleep(0.05)
    pytest.fail("the budget was not given back")


def test_a_process_that_dies_is_replaced_by_one_with_its_ports(server, body):
    before = workers(server)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while set(workers(server)) & set(before) or len(workers(server)) < len(before):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert server.call("POST", "/endpoint/sync", body)[0] == 200
    assert server.call("POST", REVIEW_PATH, REVIEW, server.admission)[0] == 200


def test_it_stops_as_soon_with_idle_and_half_open_connections(tmp_path):
    with secured(tmp_path / "server") as server, contextlib.ExitStack() as stack:
        for port in (server.port, server.admission):
            for _ in range(5):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                half = stack.enter_context(contextlib.closing(server.connect(port)))
                half.putrequest("POST", "/endpoint/sync")
                half.putheader("Content-Length", "1000")
                half.endheaders(b"{")
        server.process.popen.terminate()
        assert server.process.popen.wait(20) == 0  # gunicorn ends what does not end itself after 30 s


@pytest.mark.parametrize(
    ("role", "started"), [(Role(1, hooks=False), 1), (Role(1, admission=False), 0), (EVERYTHING, 1)]
)
def test_only_a_process_that_serves_admission_reads_the_catalogue(settings, role, started):
    calls = []
    wsgi = SimpleNamespace(extensions={"catalogue": lambda: calls.append(1)})
    settings["post_worker_init"](SimpleNamespace(role=role, wsgi=wsgi))
    assert len(calls) == started
