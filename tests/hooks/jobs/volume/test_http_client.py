"""Connections: redirects, proxies, and who gets the token."""

import pytest
from urllib3 import ProxyManager

from hooks.jobs.volume.errors import TransientError
from hooks.jobs.volume.http_client import FileClient, root_cause
from tests.hooks.jobs.volume.here import MODEL
from tests.hub import Fault


@pytest.fixture
def web(here):
    made = FileClient(here.hub.url, "secret", 2)
    yield made
    made.close()


def test_redirects_without_end_are_given_up(here, web):
    url = f"{here.hub.url}/{MODEL}/resolve/main/config.json"
    here.hub.fault = Fault(status=302, headers={"Location": url})
    with pytest.raises(TransientError, match="redirects more than 5 times"):
        web.get(url, None)


def test_an_invalid_url(here, web):
    here.hub.fault = Fault(status=302, headers={"Location": "http://localhost:port/"})
    with pytest.raises(TransientError, match="http://localhost:port cannot be reached"):
        web.get(f"{here.hub.url}/{MODEL}/resolve/main/config.json", None)


def test_a_redirect_that_leads_nowhere_is_an_answer(here, web):
    here.hub.fault = Fault(status=302)
    answer = web.get(f"{here.hub.url}/{MODEL}/resolve/main/config.json", None)
    answer.response.drain_conn()
    assert (answer.response.status, answer.from_hub) == (302, True)


def test_signed_urls_are_not_in_messages(web):
    with pytest.raises(TransientError) as error:
        web.get("http://127.0.0.1:9/file?Signature=secret", None)
    assert "Signature" not in error.value.message


def test_proxies_are_those_of_the_environment(web, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:word@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "near.example,.inside.example")
    far, near = web._pool("https://far.example/x"), web._pool("https://near.example/x")
    assert isinstance(far, ProxyManager)
    assert far.proxy_headers == {"proxy-authorization": "Basic dXNlcjp3b3Jk"}
    assert far is web._pool("https://other.example/")
    assert not isinstance(near, ProxyManager)
    assert near is web._pool("https://a.inside.example/")
    assert near is web._pool("http://far.example/")
    monkeypatch.setenv("HTTPS_PROXY", "http://open.example:3128")
    assert "proxy-authorization" not in web._pool("https://far.example/x").proxy_headers


def test_the_cause_of_an_error_is_the_message_of_the_operating_system(here, web, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://user:word@127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(TransientError) as error:
        web.get(f"{here.hub.url}/file", None)
    through = "through the proxy http://127.0.0.1:9: Connection refused"
    assert error.value.message == f"{here.hub.url} cannot be reached {through}"


def test_an_error_without_a_message_is_named_by_its_type():
    assert root_cause(TimeoutError()) == "TimeoutError"
    assert root_cause(ValueError("Read timed out.")) == "Read timed out"
    assert root_cause(ValueError("outside", OSError(5, "inside"))) == "inside"
