"""The event loop, in a thread of the tests: connections of every kind, and what each is answered."""

import contextlib
import errno
import os
import re
import socket
import ssl
import threading
import time
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from hooks.server import connection as connections
from hooks.server import event_loop
from hooks.server.answer import REFUSAL
from hooks.server.event_loop import EventLoop
from hooks.server.limits import BodyBudget, BodyRule
from hooks.server.tls import server_contexts
from tests.cluster import mounts
from tests.hooks.server.test_tls import FIRST, files

TOKEN = b"token"
LARGE = 8 * 2**20
MOST = 2**20
"""Bytes of a body."""
GET = b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n"


class Application:
    """A WSGI application: its paths are what it does."""

    def __init__(self):
        self.extensions = {"body_rule": self.body_rule}
        self.budget = BodyBudget(MOST)
        self.called = []
        self.go_on = threading.Event()

    def body_rule(self, method, _path, _port):
        def refusal(text):
            return None if text.startswith(TOKEN) else "no token"

        return BodyRule(MOST, self.budget, refusal) if method == "POST" else None

    def __call__(self, environ, start_response):
        path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
        self.called.append((path, body))
        if path == "/error":
            raise ValueError(path)
        if path == "/wait":
            self.go_on.wait(10)
        refusal = environ[REFUSAL]
        text = b"x" * LARGE if path == "/large" else body
        status = f"{refusal.code} Refused" if refusal else "200 OK"
        start_response(status, [("Content-Length", str(len(text)))])
        return Body([text]) if path == "/echo" else [text]


class Body(list):
    """What an application may return, too."""

    closed = 0

    def close(self):
        Body.closed += 1


class Running:
    """A loop in a thread."""

    def __init__(self, **settings):
        self.config = Config()
        for name, value in {"keepalive": 20, "threads": 4, "graceful_timeout": 5, **settings}.items():
            self.config.set(name, value)
        self.application = Application()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.pipe = os.pipe()
        for end in self.pipe:
            os.set_blocking(end, False)
        self.notified = 0
        self.over = threading.Event()
        self.loop = EventLoop(self.config, self.application, [self.listener], self.pipe, self.notify)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def notify(self):
        self.notified += 1

    def run(self):
        while not self.over.is_set():
            self.loop.turn()
        self.loop.stop()

    def stop(self):
        self.over.set()
        os.write(self.pipe[1], b".")

    def connect(self):
        return contextlib.closing(socket.create_connection(self.address, timeout=10))


@pytest.fixture
def start():
    """`start(**settings)`: a loop, which is stopped afterwards."""
    with contextlib.ExitStack() as stack:

        def begin(**settings):
            running = Running(**settings)
            stack.callback(lambda: [os.close(end) for end in running.pipe])
            stack.callback(running.thread.join)
            stack.callback(running.stop)
            stack.callback(running.application.go_on.set)
            return running

        yield begin


@pytest.fixture
def running(start):
    return start()


def read(client):
    """One response: status and body, and nothing of what follows."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = client.recv(1)
        if not more:
            return None
        head += more
    left = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
    body = bytearray()
    while left > len(body):
        body += client.recv(min(2**16, left - len(body)))
    return int(head.split()[1]), bytes(body)


def closed(client):
    with contextlib.suppress(ConnectionResetError):
        return client.recv(1) == b""
    return True


def post(body, path="/echo"):
    return b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body)


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_connection_is_kept_for_further_requests(running):
    Body.closed = 0
    with running.connect() as client:
        for number in range(3):
            client.sendall(post(TOKEN + b"%d" % number))
            assert read(client) == (200, TOKEN + b"%d" % number)
        assert len(running.loop.connections) == 1
    assert Body.closed == 3


def test_a_large_body_is_read_to_its_end(running):
    body = TOKEN + b"x" * (MOST - len(TOKEN))
    with running.connect() as client:
        client.sendall(post(body))
        assert read(client) == (200, body)


def test_requests_that_are_sent_at_once_are_answered_in_their_order(running):
    with running.connect() as client:
        client.sendall(post(TOKEN + b"1") + GET + post(TOKEN + b"2"))
        assert [read(client) for _ in range(3)] == [(200, TOKEN + b"1"), (200, b""), (200, TOKEN + b"2")]


def test_what_is_sent_during_an_answer_is_read_after_it(running):
    with running.connect() as client:
        client.sendall(post(TOKEN, "/wait"))
        until(lambda: running.application.called)
        client.sendall(GET)
        time.sleep(0.1)
        assert len(running.application.called) == 1
        running.application.go_on.set()
        assert [read(client), read(client)] == [(200, TOKEN), (200, b"")]


@pytest.mark.parametrize("sent", [b"GET /small HTTP/1.0\r\n\r\n", GET.replace(b"Host", b"Connection: close\r\nHost")])
def test_a_connection_ends_where_the_client_says_so(running, sent):
    with running.connect() as client:
        client.sendall(sent)
        assert read(client) == (200, b"")
        assert closed(client)


def test_a_client_that_waits_for_the_word_to_continue_gets_it(running):
    with running.connect() as client:
        client.sendall(post(TOKEN).replace(b"Host", b"Expect: 100-continue\r\nHost")[: -len(TOKEN)])
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(TOKEN)
        assert read(client) == (200, TOKEN)


def test_a_refusal_is_answered_at_once_and_what_is_still_sent_is_thrown_away(running):
    with running.connect() as client:
        client.sendall(post(b"x" * 2 * MOST)[:-1000])
        assert read(client)[0] == 413
        client.sendall(b"x" * 1000)
        client.shutdown(socket.SHUT_WR)
        assert closed(client)
    until(lambda: not running.loop.connections)


def test_what_is_no_request_is_answered_and_logged_without_a_traceback(running, lines):
    with running.connect() as client:
        client.sendall(b"GET\r\n\r\n")
        assert read(client)[0] == 400
        assert closed(client)
    [line] = lines()
    assert (line["message"], line["code"]) == ("malformed request", 400)
    assert "exception" not in line


def test_an_error_of_the_application_closes_its_connection_alone(running, lines):
    with running.connect() as client, running.connect() as other:
        client.sendall(post(TOKEN, "/error"))
        assert closed(client)
        other.sendall(GET)
        assert read(other)[0] == 200
    assert "ValueError" in lines()[0]["exception"]
    assert running.application.budget._free == MOST


def test_an_error_of_the_loop_closes_its_connection_alone(running, lines, monkeypatch):
    with running.connect() as client, running.connect() as other:
        monkeypatch.setitem(connections.STEPS, connections.Phase.REQUEST, lambda _: 1 / 0)
        client.sendall(GET)
        assert closed(client)
        monkeypatch.undo()
        other.sendall(GET)
        assert read(other)[0] == 200
    assert "ZeroDivisionError" in lines()[0]["exception"]


def test_a_client_that_does_not_read_holds_no_thread_and_is_closed(start, monkeypatch):
    monkeypatch.setattr(connections, "WRITE_SECONDS", 1.0)
    running = start()
    with contextlib.ExitStack() as stack:
        for _ in range(5):  # more than there are threads for anonymous clients
            client = stack.enter_context(running.connect())
            client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        with running.connect() as client:
            client.sendall(GET)
            assert read(client) == (200, b"")
        until(lambda: not running.loop.connections)


def test_a_client_that_reads_late_gets_all_of_it(running):
    with running.connect() as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: any(one.wants == event_loop.EVENT_READ << 1 for one in running.loop.connections))
        assert read(client) == (200, b"x" * LARGE)


def test_half_a_request_is_closed_when_it_is_late_and_an_idle_connection_is_not(start, monkeypatch):
    monkeypatch.setattr(connections, "ARRIVAL_SECONDS", 0.5)
    running = start()
    with running.connect() as half, running.connect() as body, running.connect() as idle:
        half.sendall(b"GET / HT")
        body.sendall(post(TOKEN + b"x" * 50)[:-10])
        assert closed(half)
        assert closed(body)
        idle.sendall(GET)
        assert read(idle)[0] == 200
    assert running.application.budget._free == MOST
    assert running.notified > 0


def test_an_idle_connection_is_closed_in_the_end(start):
    with start(keepalive=1).connect() as client:
        assert closed(client)


def test_the_oldest_anonymous_connection_gives_way_and_an_authenticated_one_never(start, monkeypatch):
    monkeypatch.setattr(event_loop, "MAX_ANONYMOUS", 3)
    running = start()
    with contextlib.ExitStack() as stack:
        authenticated, waiting = (stack.enter_context(running.connect()) for _ in range(2))
        authenticated.sendall(post(TOKEN))
        assert read(authenticated) == (200, TOKEN)
        waiting.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: ("/wait", b"") in running.application.called)
        first, second, third = (stack.enter_context(running.connect()) for _ in range(3))
        assert closed(first)
        for client in (second, third):
            client.sendall(GET)
            assert read(client)[0] == 200
        authenticated.sendall(post(TOKEN))
        assert read(authenticated) == (200, TOKEN)
        running.application.go_on.set()
        assert read(waiting)[0] == 200


def test_a_request_that_waits_for_a_thread_gives_way_too(start, monkeypatch):
    """Else whoever has as many requests waiting as there are connections keeps others from having one."""
    monkeypatch.setattr(event_loop, "MAX_ANONYMOUS", 3)
    running = start()
    with contextlib.ExitStack() as stack:
        answered, waiting, another = (stack.enter_context(running.connect()) for _ in range(3))
        for client in (answered, waiting, another):
            client.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: running.application.called)
        until(lambda: len(running.loop._answers) == 3)
        newest = stack.enter_context(running.connect())
        assert closed(waiting)
        newest.sendall(post(TOKEN))
        assert read(newest) == (200, TOKEN)
        running.application.go_on.set()
        assert [read(client)[0] for client in (answered, another)] == [200, 200]


def test_a_queue_of_connections_is_taken_faster_and_faster(running):
    taken = []
    listener = SimpleNamespace(accept=lambda: taken.append(1) or (socket.socket(), None), getsockname=lambda: ("", 1))
    counts = []
    running.over.set()
    running.thread.join()
    for _ in range(8):
        taken.clear()
        running.loop._config.set("certfile", "/dev/null")
        running.loop._accept_some(listener)
        counts.append(len(taken))
    assert counts == [1, 2, 4, 8, 16, 32, 64, 64]


def test_without_files_left_the_oldest_anonymous_connection_gives_way(running):
    def no_files():
        raise OSError(errno.EMFILE, "too many")

    with running.connect() as client, running.connect() as other:
        for one in (client, other):
            one.sendall(GET)
            assert read(one)[0] == 200
        running.loop._accept(SimpleNamespace(accept=no_files))
        assert closed(client)
        other.sendall(GET)
        assert read(other)[0] == 200


def test_a_connection_that_is_gone_before_it_is_accepted_is_none(running):
    def gone():
        raise OSError(errno.ECONNABORTED, "gone")

    running.loop._accept(SimpleNamespace(accept=gone))
    running.loop._evict()
    assert not running.loop.connections


def test_anonymous_connections_have_their_turn_one_after_the_other(start, monkeypatch):
    monkeypatch.setattr(event_loop, "ANONYMOUS_SECONDS", 0.0)
    running = start()
    with running.connect() as client, running.connect() as other:
        for one in (client, other):
            one.sendall(GET)
        time.sleep(0.2)
        assert running.application.called == []
        monkeypatch.undo()
        assert [read(one)[0] for one in (client, other)] == [200, 200]


def test_threads_of_authenticated_requests_are_not_taken_by_others(running):
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(running.connect())
            client.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: len(running.application.called) == event_loop.ANONYMOUS_THREADS)
        with running.connect() as client:
            client.sendall(post(TOKEN))
            assert read(client) == (200, TOKEN)
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert read(client)[0] == 200
        running.application.go_on.set()


def test_stopping_ends_idle_and_half_open_connections_soon_and_what_has_begun_in_the_end(start, monkeypatch):
    monkeypatch.setattr(event_loop, "LINGER_SECONDS", 1.0)
    running = start()
    with running.connect() as idle, running.connect() as half, running.connect() as waiting, running.connect() as kept:
        kept.sendall(post(TOKEN))
        assert read(kept) == (200, TOKEN)
        half.sendall(b"GET / HT")
        waiting.sendall(post(TOKEN, "/wait"))
        until(lambda: len(running.application.called) == 2)
        running.stop()
        kept.sendall(post(TOKEN))  # begun before it could know
        assert read(kept) == (200, TOKEN)
        assert closed(kept)
        assert closed(idle)
        assert closed(half)
        assert running.thread.is_alive()
        running.application.go_on.set()
        assert read(waiting) == (200, TOKEN)
        assert closed(waiting)
    running.thread.join(5)
    assert not running.thread.is_alive()


def test_stopping_does_not_wait_longer_than_its_time(start):
    running = start(graceful_timeout=1)
    with running.connect() as waiting:
        waiting.sendall(post(TOKEN, "/wait"))
        until(lambda: running.application.called)
        running.stop()
        assert closed(waiting)
    running.thread.join(5)
    assert not running.thread.is_alive()


@pytest.fixture
def tls(start, tmp_path):
    mounts.write(tmp_path, files(FIRST))
    context = server_contexts(tmp_path)
    settings = {"certfile": str(tmp_path / "tls.crt"), "keyfile": str(tmp_path / "tls.key")}
    return start(**settings, ssl_context=lambda _config, _default: context())


@contextlib.contextmanager
def trusting(running):
    context = ssl.create_default_context(cadata=FIRST.certificate.text)
    with running.connect() as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
        yield client


def test_over_tls_it_is_the_same(tls):
    with trusting(tls) as client:
        client.sendall(post(TOKEN) + b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert read(client) == (200, TOKEN)
        time.sleep(0.2)
        assert read(client) == (200, b"x" * LARGE)
        assert client.recv(1) == b""


def test_clients_that_break_tls_are_closed(tls, lines):
    with tls.connect() as client:
        client.sendall(GET)
        with contextlib.suppress(ConnectionResetError):
            while client.recv(100):
                pass
    with tls.connect() as client:
        client.sendall(b"\x16\x03\x01")
    until(lambda: not tls.loop.connections)
    assert lines() == []


def test_without_a_certificate_connections_are_closed(start, tmp_path):
    settings = {"certfile": str(tmp_path / "no.crt"), "keyfile": str(tmp_path / "no.key")}
    with start().connect() as client:
        assert client
    context = server_contexts(tmp_path)
    files_there = {name: str(tmp_path / "x") for name in settings}
    (tmp_path / "x").touch()
    with start(**files_there, ssl_context=lambda _config, _default: context()).connect() as client:
        assert closed(client)
