"""`aim ui`: what is relayed to the web page, for whom, and what is not."""

import re
from http.client import HTTPConnection
from threading import Thread

import pytest

from hooks.cli import web_relay
from hooks.cli.errors import CommandError
from hooks.cli.web_relay import WebRelay, serve_page
from tests.cluster.processes import free_ports
from tests.hooks.cli.commandline import aim
from tests.hooks.cli.standin_cluster import pod
from tests.loopback import Answering, Loopback, answering


class Page(Answering):
    """Answers with what it was sent, in pieces."""

    def do_GET(self):
        self.server.seen.append((self.command, self.path, dict(self.headers), self.body()))
        if self.path == "/broken":
            return self.wfile.write(b"not HTTP")
        self.send_response(418)
        self.send_header("Content-Type", "text/html")
        self.send_header("Keep-Alive", "timeout=9")
        self.end_headers()
        for piece in (b"one ", b"two"):
            self.wfile.write(piece)
        return None

    do_POST = do_GET


class Pods:
    """A cluster with these pods of the page, whose port is that of a server on loopback."""

    namespace = "aim-system"

    def __init__(self, server=None, *pods):
        self.server, self.found, self.opened = server, pods, []

    def labelled_pods(self, selector):
        assert selector == "app.kubernetes.io/name=aim-web"
        return [*self.found]

    def open_port(self, name, port):
        self.opened.append((name, port))
        return HTTPConnection("127.0.0.1", self.server.server_port)


@pytest.fixture
def page():
    server = Loopback(Page)
    server.seen = []
    with answering(server, "page"):
        yield server


@pytest.fixture
def relay(page):
    made = WebRelay(0, lambda: HTTPConnection("127.0.0.1", page.server_port))
    with answering(made, "relay"):
        yield made


def ask(relay, path="/", method="GET", body=None, **headers):
    connection = HTTPConnection("127.0.0.1", relay.server_port, timeout=10)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    found = response.status, dict(response.getheaders()), response.read()
    connection.close()
    return found


def test_the_printed_address_gives_a_cookie_and_nobody_else_is_answered(relay, page):
    status, headers, _ = ask(relay, f"/?token={relay.token}")
    assert (status, headers["Location"]) == (303, "/")
    assert headers["Set-Cookie"] == f"aim-ui={relay.token}; Path=/; HttpOnly; SameSite=Strict"
    for cookie in ("", "aim-ui=x", f"other={relay.token}", "\xe4=1; aim-ui=\xe4", 'aim-ui="\\', "a[]=1; =,;"):
        assert ask(relay, Cookie=cookie)[0] == 403
    for path in ("/?token=x", f"/models?token={relay.token}", f"/?token={relay.token}x"):
        assert ask(relay, path)[0] == 403
    assert page.seen == []


def test_a_request_and_its_answer_are_relayed_without_what_is_of_the_connection(relay, page):
    cookie = f"a=1; aim-ui={relay.token}"
    status, headers, body = ask(relay, "/plan?x=1", "POST", b"a=b", Cookie=cookie, Origin="http://x", TE="trailers")
    assert (status, body) == (418, b"one two")
    assert headers["Content-Type"] == "text/html"
    assert "Keep-Alive" not in headers
    [(method, path, sent, received)] = page.seen
    assert (method, path, received) == ("POST", "/plan?x=1", b"a=b")
    assert sent["Host"] == f"127.0.0.1:{relay.server_port}"
    assert sent["Origin"] == "http://x"
    assert not {"Cookie", "TE"} & {*sent}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Length": "x"}, 400),
        ({"Content_Length": "\xb2"}, 400),
        ({"Content_Length": "99999999"}, 413),
        ({"Transfer_Encoding": "chunked"}, 413),
    ],
)
def test_a_body_without_a_length_or_too_long_is_not_read(relay, page, headers, status):
    assert ask(relay, method="POST", Cookie=f"aim-ui={relay.token}", **headers)[0] == status
    assert page.seen == []


def test_a_page_that_does_not_speak_http_ends_the_answer(relay):
    with pytest.raises(OSError, match=r"without response|reset"):
        ask(relay, "/broken", Cookie=f"aim-ui={relay.token}")


def test_a_pod_that_cannot_be_reached_is_reported():
    def connect():
        raise CommandError('pods "aim-web-1" is forbidden', 1)

    with answering(relay := WebRelay(0, connect), "relay"):
        assert ask(relay, Cookie=f"aim-ui={relay.token}")[::2] == (502, b'pods "aim-web-1" is forbidden\n')


def test_two_relays_have_two_tokens(page):
    with WebRelay(0, page) as one, WebRelay(0, page) as other:
        assert one.token != other.token
        assert len(one.token) == 32


def test_the_address_is_printed_and_the_page_is_served_until_it_is_interrupted(page, capsys, monkeypatch):
    asked, launched = [], []

    def serve(relay):
        Thread(target=relay.handle_request).start()
        asked.append(ask(relay, Cookie=f"aim-ui={relay.token}")[2])
        raise KeyboardInterrupt

    monkeypatch.setattr(WebRelay, "serve_forever", serve)
    monkeypatch.setattr(web_relay.click, "launch", launched.append)
    cluster = Pods(page, pod("aim-web-0", ready="False"), pod("aim-web-1"))
    assert serve_page(cluster, 0, launch=True) == 0
    printed = capsys.readouterr()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}\n", printed.out)
    assert "Ctrl-C ends it" in printed.err
    assert launched == [printed.out.strip()]
    assert (asked, cluster.opened) == ([b"one two"], [("aim-web-1", 8080)])


def test_it_ends_when_it_is_shut_down(page, monkeypatch):
    monkeypatch.setattr(WebRelay, "serve_forever", lambda _: None)
    assert serve_page(Pods(page, pod("aim-web-1")), 0, launch=False) == 0


@pytest.mark.parametrize(
    ("pods", "said"),
    [((), "manifests/overlays/web-page` installs it"), ((pod(ready="False"), {"metadata": {}}), "it is not ready yet")],
)
def test_without_a_page_there_is_nothing_to_open(pods, said):
    with pytest.raises(CommandError, match=said):
        serve_page(Pods(None, *pods), 0, launch=False)


def test_a_port_that_is_taken_is_reported(page):
    with pytest.raises(CommandError, match=f"port {page.server_port} of this machine: Address already in use"):
        serve_page(Pods(page, pod()), page.server_port, launch=False)


def test_the_command_takes_the_namespace_of_the_operator():
    done = aim("ui", "--kubeconfig", "/none", "--port", str(free_ports(1)[0]))
    assert (done.exit_code, "there is no such file" in done.stderr) == (1, True)
