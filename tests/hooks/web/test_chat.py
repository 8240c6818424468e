"""The chat: what is passed on to the gateway, with whose key, and what becomes of answers and refusals."""

import json
import ssl
from http.client import HTTPSConnection

import pytest

from aimlib.config import ConfigError
from hooks.web import chat as module
from hooks.web.app import create_page
from hooks.web.chat import GatewayAddress, gateway_address
from tests.cluster.processes import free_ports
from tests.hooks.web.test_pages import text_of
from tests.loopback import Answering, Loopback, answering
from tests.web.cluster import HOSTILE

ASKED = {"model": "Qwen/Qwen3-32B", "messages": [{"role": "user", "content": "Hi"}]}
EVENTS = b'data: {"choices": [{"delta": {"content": "Hello"}}]}\n\ndata: [DONE]\n\n'


class Gateway(Answering):
    """Answers with what a test gives it."""

    def do_POST(self):
        self.server.seen.append((self.path, dict(self.headers), json.loads(self.body())))
        self.reply(*self.server.answer, **self.server.headers)


@pytest.fixture
def gateway():
    server = Loopback(Gateway)
    server.seen, server.answer, server.headers = [], (200, EVENTS, "text/event-stream"), {}
    with answering(server, "gateway"):
        yield server


@pytest.fixture
def page(reader, gateway, monkeypatch):
    monkeypatch.setenv("AIM_WEB_GATEWAY", f"http://127.0.0.1:{gateway.server_port}/v1/")
    return create_page(reader).test_client()


def ask(page, body=ASKED, **headers):
    sent = body if isinstance(body, str) else json.dumps(body)
    return page.post("/chat/completions", data=sent, headers=headers)


def test_without_a_gateway_there_is_no_chat(reader):
    page = create_page(reader).test_client()
    assert "Chat" not in text_of(page.get("/plan"))
    text_of(page.get("/chat"), 404)
    assert ask(page).status_code == 404


def test_the_page_has_the_gateway_and_no_code_of_its_own(page):
    response = page.get("/chat")
    assert "127.0.0.1" in response.text
    assert '<script src="/static/chat.js" defer></script>' in response.text
    assert response.text.count("<script") == 1
    assert "Chat" in text_of(page.get("/plan"))


def test_a_conversation_is_passed_on_with_the_visitors_key_and_nothing_else(page, gateway):
    response = ask(page, Authorization="Bearer sk-1", Cookie="aim-ui=secret", Origin="http://localhost")
    assert (response.status_code, response.data, response.mimetype) == (200, EVENTS, "text/event-stream")
    assert response.headers["Cache-Control"] == "no-store"
    [(path, headers, body)] = gateway.seen
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer sk-1"
    assert not {"Cookie", "Origin"} & {*headers}
    assert body == {**ASKED, "stream": True}
    ask(page)
    assert "Authorization" not in gateway.seen[-1][1]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "JSON"),
        ({**ASKED, "tools": []}, "tools"),
        ({**ASKED, "messages": []}, "messages"),
        ({**ASKED, "model": "a" * 300}, "model"),
        ({**ASKED, "messages": [{"role": "system", "content": "x"}]}, "role"),
        ({**ASKED, "messages": [{"role": "user", "content": "x", "name": "y"}]}, "name"),
    ],
)
def test_what_is_no_conversation_is_not_passed_on(page, gateway, body, said):
    response = ask(page, body)
    assert response.status_code == 422
    assert said in response.json["error"]
    assert gateway.seen == []


@pytest.mark.parametrize("key", ["a b", "\xe4", "a\tb", "a" * 513])
def test_what_is_no_key_is_not_passed_on(page, gateway, key):
    response = ask(page, Authorization=f"Bearer {key}")
    assert (response.status_code, gateway.seen) == (422, [])
    assert key not in response.text


def test_a_page_of_another_site_cannot_ask(page, gateway):
    text_of(ask(page, **{"Sec-Fetch-Site": "cross-site"}), 403)
    assert gateway.seen == []


@pytest.mark.parametrize(("code", "shown"), [(401, 401), (429, 429), (500, 500), (302, 502), (204, 502)])
def test_a_refusal_of_the_gateway_is_told_and_a_redirect_is_not_followed(page, gateway, code, shown):
    gateway.answer, gateway.headers = (code, HOSTILE.encode() * 20, "text/html"), {"Location": "http://127.0.0.1:9/"}
    response = ask(page, Authorization="Bearer sk-1")
    assert response.status_code == shown
    assert response.mimetype == "application/json"
    assert response.json["error"].startswith(f"the gateway returned {code}: ")
    assert len(response.json["error"]) < 600
    assert "\x1b" not in response.json["error"]
    assert len(gateway.seen) == 1


def test_a_gateway_that_is_away(reader, monkeypatch):
    monkeypatch.setenv("AIM_WEB_GATEWAY", f"http://127.0.0.1:{free_ports(1)[0]}")
    response = ask(create_page(reader).test_client())
    assert (response.status_code, response.json) == (502, {"error": "the gateway cannot be reached"})


def test_an_answer_that_is_cut_short_has_an_error_at_its_end(page, gateway):
    gateway.headers = {"Content-Length": str(len(EVENTS) + 100)}
    assert ask(page).data.startswith(EVENTS)
    gateway.answer = (200, b"zz\r\nx", "text/event-stream")
    gateway.headers = {"Transfer-Encoding": "chunked"}
    assert ask(page).data.endswith(b'complete"}}\n\n')


def test_an_answer_is_bounded(page, monkeypatch):
    monkeypatch.setattr(module, "MOST_CHAT_BYTES", 10)
    assert ask(page).data == EVENTS[:10]


def test_answers_at_once_are_bounded_and_their_places_are_free_again(gateway):

    relay = module.ChatRelay(GatewayAddress(secure=False, host=f"127.0.0.1:{gateway.server_port}", path="/v1"))
    conversation = module.read_conversation(json.dumps(ASKED).encode())
    streams = [relay.answer(conversation, "") for _ in range(module.CHATS_AT_ONCE)]
    with pytest.raises(module.ChatError, match="others are chatting") as refused:
        relay.answer(conversation, "")
    assert refused.value.code == 503
    for one in streams:  # which nobody has begun to read
        one.close()
        one.close()
    gateway.answer = (401, b"no", "text/plain")
    for _ in range(5):
        with pytest.raises(module.ChatError, match="401"):
            relay.answer(conversation, "")
    gateway.answer = (200, EVENTS, "text/event-stream")
    stream = relay.answer(conversation, "")
    assert b"".join(stream) == EVENTS
    stream.close()


def test_an_address_with_https_is_checked_by_its_certificate():
    connection = gateway_address("https://models.example.com/v1").connect()
    assert isinstance(connection, HTTPSConnection)
    assert connection._context.verify_mode == ssl.CERT_REQUIRED
    assert gateway_address("http://models:8080") == GatewayAddress(secure=False, host="models:8080", path="")


@pytest.mark.parametrize("url", ["models:8080", "ftp://models", "http://", "http://a@b", "http://a/?b", "http://a/#b"])
def test_what_is_no_address_ends_the_program(reader, monkeypatch, url):
    monkeypatch.setenv("AIM_WEB_GATEWAY", url)
    with pytest.raises(ConfigError, match="AIM_WEB_GATEWAY must be a base URL"):
        create_page(reader)
