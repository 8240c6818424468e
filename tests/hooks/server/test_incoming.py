"""Requests as they arrive: what is read before a token, what after it, and what is refused."""

import json
import math

import pytest
from gunicorn.config import Config
from hypothesis import given
from hypothesis import strategies as st

from hooks.server.auth import Clients
from hooks.server.body_rules import body_rules
from hooks.server.incoming import Incoming, MalformedError
from hooks.server.limits import MAX_BODY, MAX_HEAD, MAX_UNAUTHENTICATED, BodyBudget, BodyRule
from hooks.server.webhooks import MAX_REVIEW
from tests.cluster import mounts
from tests.kustomize import ROOT
from tests.secured import ADMISSION_TOKEN, REVIEW_PATH, TOKEN, with_token

HOOK = "/endpoint/sync"
PORTS = {"hooks": ("127.0.0.1", 8443), "admission": ("127.0.0.1", 9443)}
WEBHOOK = REVIEW_PATH.rpartition("/")[0]
LARGE = {"parent": "ü" * MAX_UNAUTHENTICATED}


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    folder = tmp_path_factory.mktemp("callers")
    mounts.write(folder, {"hooks": TOKEN.encode(), "admission": ADMISSION_TOKEN.encode()})
    return Clients(str(folder), "9443")


@pytest.fixture
def begin(clients):
    """`begin(port)`: a request to come; all share budgets."""
    rule_of = body_rules({HOOK}, {WEBHOOK}, clients)
    return lambda port="hooks": Incoming(Config(), rule_of, ("127.0.0.1", 1), PORTS[port])


def head(path, *headers, method="POST", version="1.1"):
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: a", *headers, "", ""]).encode()


def packed(body):
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def declared(body, path=HOOK):
    text = packed(body)
    return head(path, f"Content-Length: {len(text)}") + text


def chunked(body, size=1000):
    text = packed(body)
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return head(HOOK, "Transfer-Encoding: chunked") + sent + b"0\r\n\r\n"


def fed(incoming, sent, step=math.inf):
    at = 0
    while at < len(sent) and not incoming.complete:
        size = int(min(step, len(sent)))
        incoming.feed(sent[at : at + size])
        at += size
    return incoming


@pytest.mark.parametrize("encode", [declared, chunked])
@pytest.mark.parametrize("step", [1009, 16384, 65536, math.inf])
@pytest.mark.parametrize("body", [with_token({}), with_token(LARGE)], ids=["small", "large"])
def test_a_body_with_the_token_at_its_beginning_is_read_to_its_end(begin, encode, step, body):
    incoming = fed(begin(), encode(body), step)
    assert (incoming.complete, incoming.authenticated, incoming.refusal) == (True, True, None)
    assert json.loads(incoming.body()) == body
    assert not incoming.unread


@pytest.mark.parametrize("name", ["endpoint-sync-steady", "decorator-sync-node-steady", "inventory-sync"])
def test_the_token_is_found_in_what_metacontroller_sends(begin, name):
    """Its program writes the fields of a request and of an object in the order of Go's types: the controller first."""
    recorded = json.loads((ROOT / "tests" / "testdata" / "recordings" / f"{name}.json").read_text())
    controller = recorded.pop("controller")
    metadata = dict(sorted({**controller["metadata"], **with_token({})["controller"]["metadata"]}.items()))
    body = {"controller": {**controller, "metadata": metadata}, **recorded}
    incoming = begin()
    text = declared(body)
    incoming.feed(text[: text.index(b"\r\n\r\n") + 4 + 4096])
    assert incoming.authenticated


@given(st.data())
def test_a_request_is_the_same_however_it_is_split(clients, data):
    body = with_token(data.draw(st.dictionaries(st.text(max_size=5), st.text(max_size=30), max_size=4)))
    sent = data.draw(st.sampled_from([declared, chunked]))(body) + b"next"
    incoming = Incoming(Config(), body_rules({HOOK}, {WEBHOOK}, clients), ("127.0.0.1", 1), PORTS["hooks"])
    cuts = sorted(data.draw(st.sets(st.integers(0, len(sent) - 5), max_size=8)))
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        incoming.feed(sent[start:end])
    assert (incoming.complete, incoming.rest, json.loads(incoming.body())) == (True, b"next", body)


OTHERS = [
    {"controller": {"metadata": {"annotations": {}}}, **LARGE},
    with_token(LARGE, "other"),
    LARGE | with_token({}),
    {"parent": with_token({}), **LARGE},
    {"controller": {"metadata": {"labels": with_token({})["controller"]["metadata"]["annotations"]}}, **LARGE},
    [with_token(LARGE)],
]


@pytest.mark.parametrize("encode", [declared, chunked])
@pytest.mark.parametrize("body", OTHERS)
def test_a_body_without_the_token_at_its_beginning_is_refused_before_more_is_read(begin, encode, body):
    incoming = fed(begin(), encode(body), 4096)
    assert incoming.refusal.code == 401
    assert incoming.refusal.description.endswith(f"in the first {MAX_UNAUTHENTICATED} bytes of the body")
    assert incoming.size <= MAX_UNAUTHENTICATED + 4096
    assert (incoming.body(), incoming.unread, incoming.authenticated) == (b"", True, False)


@pytest.mark.parametrize("text", [b"[" * 2**17, b"\xff" * 2**17, b'{"controller":' * 2**14, b"x" * 2**17])
def test_what_is_no_json_is_refused_at_the_same_size(begin, text):
    incoming = fed(begin(), head(HOOK, f"Content-Length: {len(text)}") + text, 4096)
    assert incoming.refusal.code == 401


def test_a_key_that_is_repeated_later_ends_in_a_refusal_by_the_whole_body(begin, clients):
    """Whoever has the token may do so; the last one counts, as it did when the whole body was parsed at once."""
    first, second = (packed(with_token(LARGE, token))[1:-1] for token in (TOKEN, "other"))
    text = b"{" + first + b"," + second + b"}"
    incoming = fed(begin(), head(HOOK, f"Content-Length: {len(text)}") + text, 4096)
    assert incoming.authenticated
    assert clients.refusal_of_beginning(incoming.body()) is not None


def test_a_small_body_without_the_token_is_left_to_the_application(begin):
    incoming = fed(begin(), declared({**with_token({}, "x"), "parent": {}}))
    assert (incoming.complete, incoming.authenticated, incoming.refusal) == (True, False, None)


def test_bodies_without_a_token_take_nothing_of_the_budget_and_others_give_it_back(begin):
    for _ in range(10):
        waiting = begin()
        waiting.feed(head(HOOK, f"Content-Length: {MAX_BODY}") + b'{"a":"')
        assert not waiting.complete
    first, second = begin(), begin()
    text = packed(with_token(LARGE))
    first.feed(head(HOOK, f"Content-Length: {MAX_BODY}") + text)
    assert first.authenticated
    fed(second, declared(with_token({})))
    assert second.refusal.code == 429
    second.answered()
    first.answered()
    first.answered()
    assert fed(begin(), declared(with_token({}))).refusal is None


def test_a_chunked_body_takes_the_largest_size(begin):
    fed(begin(), chunked(with_token({})))
    assert fed(begin(), declared(with_token({}))).refusal.code == 429


def test_a_body_that_is_too_large_is_refused_before_or_while_it_is_read():
    rule = BodyRule(10, BodyBudget(10))
    for sent in (head(HOOK, "Content-Length: 11"), chunked("x" * 20, 3)):
        incoming = fed(Incoming(Config(), lambda *_: rule, ("::1", 1), ("::1", 2)), sent, 1)
        assert (incoming.refusal.code, incoming.unread) == (413, True)
        incoming.answered()


def test_the_token_of_admission_is_in_the_head_and_nothing_is_read_without_it(begin):
    accepted = begin("admission")
    accepted.feed(head(REVIEW_PATH, f"Content-Length: {MAX_REVIEW}"))
    assert (accepted.authenticated, accepted.complete) == (True, False)
    for path in (f"{WEBHOOK}/other", WEBHOOK, "/admission/other/x", HOOK):
        incoming = begin("admission")
        incoming.feed(head(path, f"Content-Length: {MAX_REVIEW}") + b"{" * 100)
        assert (incoming.complete, incoming.authenticated, incoming.unread, incoming.body()) == (True, False, True, b"")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_a_post_has_a_body(begin, method):
    incoming = begin()
    incoming.feed(head(HOOK, "Content-Length: 5", method=method))
    assert (incoming.complete, incoming.unread) == (True, True)


def test_a_request_without_a_body_is_complete_with_its_head(begin):
    incoming = fed(begin(), head("/metrics", method="GET", version="1.0") + b"more", 7)
    assert (incoming.complete, incoming.unread) == (True, False)
    incoming = begin()
    incoming.feed(head(HOOK, "Content-Length: 0"))
    assert (incoming.complete, incoming.unread, incoming.body()) == (True, False, b"")


def test_a_client_that_waits_for_the_word_to_continue_is_told_once(begin):
    incoming = begin()
    assert not incoming.waits_to_continue
    incoming.feed(head(HOOK, "Content-Length: 2", "Expect: 100-continue"))
    assert incoming.waits_to_continue
    incoming.feed(b"{")
    assert not incoming.waits_to_continue


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\r\n\r\n", 400),
        (head(HOOK, "Content-Length: -1"), 400),
        (head(HOOK, "Content-Length: 1", "Content-Length: 2"), 400),
        (head(HOOK, "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (head(HOOK, "Transfer-Encoding: gzip"), 400),
        (head(HOOK, "Transfer-Encoding: other"), 501),
        (head(HOOK, "no colon"), 400),
        (head(HOOK, "Expect: more"), 417),
        (head("/" + "x" * 5000), 414),
        (head(HOOK, *["X: y"] * 200), 431),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * MAX_HEAD, 431),
    ],
)
def test_a_head_that_cannot_be_read_has_a_status(begin, sent, code):
    with pytest.raises(MalformedError) as error:
        fed(begin(), sent, 5000)
    assert error.value.code == code
