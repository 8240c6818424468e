"""Connections: redirects, proxies, and who gets the token."""

from contextlib import closing, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import ProxyManager

from aimlib.hub_url import parse_hub, parse_url
from hooks.jobs.volume import http_client
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import FileClient, root_cause
from tests.hooks.jobs.volume.here import MODEL
from tests.hub import Fault
from tests.loopback import Answering, Loopback, answering


@pytest.fixture
def web(here):
    made = FileClient(parse_hub(here.hub.url), "secret", 2)
    yield made
    made.close()


def test_redirects_without_end_are_given_up(here, web):
    url = f"{here.hub.url}/{MODEL}/resolve/main/config.json"
    here.hub.fault = Fault(status=302, headers={"Location": url})
    with pytest.raises(TransientError, match="redirects more than 5 times"):
        web.get(parse_url(url))


def test_an_invalid_url(here, web):
    here.hub.fault = Fault(status=302, headers={"Location": "http://localhost:port/"})
    with pytest.raises(TransientError, match="redirects to what is no URL: 'http://localhost:port/'"):
        web.get(parse_url(f"{here.hub.url}/{MODEL}/resolve/main/config.json"))


def test_a_redirect_that_leads_nowhere_is_an_answer(here, web):
    here.hub.fault = Fault(status=302)
    answer = web.get(parse_url(f"{here.hub.url}/{MODEL}/resolve/main/config.json"))
    answer.response.drain_conn()
    assert (answer.response.status, answer.from_hub) == (302, True)


def test_signed_urls_are_not_in_messages(web):
    with pytest.raises(TransientError) as error:
        web.get(parse_url("http://127.0.0.1:9/file?Signature=secret"))
    assert "Signature" not in error.value.message


def test_proxies_are_those_of_the_environment(web, monkeypatch):
    def pool(url):
        return web._pool(http_client._proxy(parse_url(url)))

    monkeypatch.setenv("HTTPS_PROXY", "http://user:word@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "near.example,.inside.example")
    far, near = pool("https://far.example/x"), pool("https://near.example/x")
    assert isinstance(far, ProxyManager)
    assert far.proxy_headers == {"proxy-authorization": "Basic dXNlcjp3b3Jk"}
    assert far is pool("https://other.example/")
    assert not isinstance(near, ProxyManager)
    assert near is pool("https://a.inside.example/")
    assert near is pool("http://far.example/")
    monkeypatch.setenv("HTTPS_PROXY", "http://open.example:3128")
    assert "proxy-authorization" not in pool("https://far.example/x").proxy_headers


@pytest.mark.parametrize(
    ("direct", "url", "bypassed"),
    [
        ("10.0.0.0/8,fd00::/8", "https://10.1.2.3/x", True),
        ("10.0.0.0/8,fd00::/8", "https://[fd00::5]:8443/x", True),
        ("10.0.0.0/8,fd00::/8", "https://11.1.2.3/x", False),
        ("localhost, fd00::5", "https://[fd00::5]/x", True),
        ("fd00::5", "https://[fd00::6]/x", False),
        ("*.Corp.example", "https://hub.corp.example/x", True),
        ("*.corp.example", "https://corp.example/x", False),
        ("*.corp.example", "https://hubcorp.example/x", False),
        ("10.0.0.0/99,/8,,*.", "https://10.1.2.3/x", False),
    ],
)
def test_hosts_without_a_proxy_are_listed_as_clusters_list_them(monkeypatch, direct, url, bypassed):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", direct)
    assert (http_client._proxy(parse_url(url)) is None) == bypassed


@pytest.mark.parametrize("proxy", ["http://user:word@[", "socks9://user:word@proxy", "http://user:word@proxy:port"])
def test_a_proxys_password_is_in_no_message(web, monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(TransientError) as error:
        web.get(parse_url("https://far.example/x"))
    assert "word" not in error.value.message


def test_the_cause_of_an_error_is_the_message_of_the_operating_system(here, web, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://user:word@127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(TransientError) as error:
        web.get(parse_url(f"{here.hub.url}/file"))
    through = "through the proxy http://127.0.0.1:9: Connection refused"
    assert error.value.message == f"{here.hub.url} cannot be reached {through}"


def test_an_error_without_a_message_is_named_by_its_type():
    assert root_cause(TimeoutError()) == "TimeoutError"
    assert root_cause(ValueError("Read timed out.")) == "Read timed out"
    assert root_cause(ValueError("outside", OSError(5, "inside"))) == "inside"


class Listening(Answering):
    """Keeps where each request has arrived, and with which token; redirects to `server.location` once."""

    def do_GET(self):
        self.server.arrived.append((self.server.server_port, self.headers.get("Authorization")))
        location, self.server.location = self.server.location, None
        headers = {} if location is None else {"Location": location}
        self.reply(200 if location is None else 302, b"", **headers)


@pytest.fixture(scope="module")
def two_hosts():
    """The hub, another host, and the requests that have arrived at either."""
    hub, evil = Loopback(Listening), Loopback(Listening)
    hub.arrived = evil.arrived = []
    hub.location = evil.location = None
    with answering(hub, "hub"), answering(evil, "evil"):
        yield hub, evil, hub.arrived


NASTY = (
    "http://{evil}\\@{hub}/",
    "http://{hub}@{evil}/",
    "http://{hub}\\@{evil}/",
    "http://{hub}#@{evil}/",
    "http://{hub}?@{evil}/",
    "http://{hub}/@{evil}/",
    "http://{evil}#@{hub}/",
    "http://user:word@{hub}/",
    "http://{evil}/http://{hub}/",
    "//{evil}/",
    "//{evil}\\@{hub}",
    "/\\{evil}/",
    "/{evil}/",
    "//{hub}/",
    "http:{hub}/",
    "http:/{evil}/",
    "http:\\\\{evil}\\",
    "https://{hub}/",
    "HTTP://{hub}/",
    "http://{hub}\t/",
    "http://{hub} .example/",
    "http://127.1:{evil_port}/",
    "http://localhost:{hub_port}/",
    "\u00e9",
    "/\u00e9",
    "?",
    "",
)


@given(
    location=st.sampled_from(NASTY)
    | st.lists(st.sampled_from([*"\\@/?#:%. []", "{hub}", "{evil}", "http://", "127.0.0.1"]), max_size=8).map("".join)
)
@settings(max_examples=150, deadline=None)
def test_the_token_arrives_at_the_judged_origin_alone(two_hosts, location):
    hub, evil, arrived = two_hosts
    names = {"hub": hub, "evil": evil}
    text = location
    for name, server in names.items():
        text = text.replace(f"{{{name}}}", f"127.0.0.1:{server.server_port}")
        text = text.replace(f"{{{name}_port}}", str(server.server_port))
    arrived.clear()
    hub.location = text
    with closing(FileClient(parse_hub(f"http://127.0.0.1:{hub.server_port}"), "secret", 1)) as web:
        try:
            web.get(parse_url(f"http://127.0.0.1:{hub.server_port}/file")).response.drain_conn()
        except TransientError as error:
            assert error.message.isprintable()  # noqa: PT017 - either is right
    assert arrived[0] == (hub.server_port, "Bearer secret")
    for port, token in arrived[1:]:
        judged = http_client.redirected(parse_url(f"http://127.0.0.1:{hub.server_port}/file"), text)
        assert judged.port == port
        assert bool(token) == (judged.host == "127.0.0.1" and port == hub.server_port)


class Endless(Answering):
    """Redirects with a body without end."""

    def do_GET(self):
        self.send_response(302 if self.path == "/file" else 200)
        self.send_header("Location", "/other")
        self.end_headers()
        with suppress(OSError):
            while self.path == "/file":
                self.wfile.write(b"x" * 65536)


def test_the_body_of_a_redirect_is_not_waited_for():
    server = Loopback(Endless)
    with (
        answering(server, "endless"),
        closing(FileClient(parse_hub(f"http://127.0.0.1:{server.server_port}"), None, 1)) as web,
    ):
        response = web.get(parse_url(f"http://127.0.0.1:{server.server_port}/file")).response
        assert response.status == 200
        response.close()


def test_a_redirect_keeps_tls():
    secure = parse_url("https://hub.example/a")
    assert str(http_client.redirected(secure, "/b#c")) == "https://hub.example/b"
    assert str(http_client.redirected(secure, "b/../c")) == "https://hub.example/c"
    assert str(http_client.redirected(secure, "?q")) == "https://hub.example/a?q"
    asked = parse_url("https://hub.example/api/models/old/name?blobs=true")
    assert (
        str(http_client.redirected(asked, "/api/models/new/name"))
        == "https://hub.example/api/models/new/name?blobs=true"
    )
    assert str(http_client.redirected(asked, "name2?x")) == "https://hub.example/api/models/old/name2?x"
    assert str(http_client.redirected(asked, "https://hub.example/c")) == "https://hub.example/c"
    assert str(http_client.redirected(secure, "//cdn.example/b?c=\xe9")) == "https://cdn.example/b?c=%E9"
    with pytest.raises(TransientError, match=r"redirects to http://cdn\.example, which is not https"):
        http_client.redirected(secure, "http://cdn.example/b")


def test_a_token_is_sent_over_https_and_to_this_machine():
    for hub in ("http://hub.example", "http://10.0.0.1", "http://127.0.0.1.example"):
        with pytest.raises(DownloadError, match="a token is sent over https only") as error:
            FileClient(parse_hub(hub), "secret", 1)
        assert error.value.reason == "TokenNotAllowed"
        assert FileClient(parse_hub(hub), None, 1)
    for hub in ("https://hub.example", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"):
        assert FileClient(parse_hub(hub), "secret", 1)


@pytest.mark.parametrize("token", ["a b", "a\nb", "\u20ac", "a" * 5000])
def test_a_token_that_is_none_is_not_quoted(token):
    with pytest.raises(DownloadError) as error:
        FileClient(parse_hub("https://hub.example"), token, 1)
    assert error.value.reason == "TokenInvalid"
    assert token not in error.value.message


def test_no_token_goes_to_a_proxy_in_plain_text(two_hosts, monkeypatch):
    hub, evil, arrived = two_hosts
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{evil.server_port}")
    monkeypatch.setenv("NO_PROXY", "")
    arrived.clear()
    url = f"http://127.0.0.1:{hub.server_port}"
    with closing(FileClient(parse_hub(url), "secret", 1)) as web:
        web.get(parse_url(f"{url}/file")).response.drain_conn()
    assert arrived == [(evil.server_port, None)]
