"""One grammar for URLs: what it accepts, every client connects to in the same way, and only listed hubs get a token."""

from contextlib import suppress

import pytest
import urllib3.util
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aimlib.config import Config
from aimlib.hub_url import HUGGING_FACE, InvalidUrlError, may_have_token, parse_hub, parse_url, shown

NASTY = (
    "http://evil\\@hub.example/",
    "https://hub.example\\.evil.example/",
    "https://hub.example@evil.example/",
    "https://user:word@hub.example/",
    "https://hub.example:443@evil.example/",
    "https://hub.example#@evil.example/",
    "https://hub.example?@evil.example",
    "https://hub.example /",
    "https://hub.example\t.evil.example/",
    "https://hub.example\r\nHost: evil.example/",
    "https://hub.example\x00.evil.example/",
    "https://hüb.example/",
    "https://hub\u3002example/",
    "https://hub.example:/",
    "https://hub.example:0/",
    "https://hub.example:65536/",
    "https://hub.example:443:80/",
    "https:///hub.example/",
    "https:hub.example",
    "//hub.example/",
    "https://[::1%25eth0]/",
    "https://[hub.example]/",
    "https://.hub.example/",
    "https://hub..example/",
    "https://%68ub.example/",
    "file:///etc/passwd",
    "https://",
    "",
    "https://hub.example/" + "a" * 9000,
)


@pytest.mark.parametrize("text", NASTY)
def test_what_parsers_disagree_about_is_invalid_or_goes_to_the_judged_host(text):
    try:
        url = parse_url(text)
    except InvalidUrlError:
        return
    found = urllib3.util.parse_url(str(url))
    assert (found.scheme, found.host, found.port or url.port) == url.origin
    assert url.host == "hub.example"


PIECES = st.sampled_from(
    [
        *"\\@/?#:%. \t\n\x00[]",
        "https://",
        "http://",
        "hub.example",
        "evil.example",
        "127.0.0.1",
        "::1",
        "443",
        "80",
        "ü",
    ]
)


@given(st.lists(PIECES, max_size=10).map("".join) | st.text())
def test_a_valid_url_means_the_same_to_the_client_that_connects(text):
    try:
        url = parse_url(text)
    except InvalidUrlError:
        return
    for spelled in (str(url), text):
        found = urllib3.util.parse_url(spelled)
        assert (found.scheme, found.host, found.port or {"http": 80, "https": 443}[url.scheme]) == url.origin
        assert found.auth is None
    assert parse_url(str(url)) == url


@pytest.mark.parametrize(
    ("endpoint", "hubs", "may"),
    [
        (None, (HUGGING_FACE,), True),
        (None, (), False),
        ("https://huggingface.co", (HUGGING_FACE,), True),
        ("https://HuggingFace.co:443/", (HUGGING_FACE,), True),
        ("https://huggingface.co/mirror", (HUGGING_FACE,), True),
        ("http://huggingface.co", (HUGGING_FACE,), False),
        ("https://huggingface.co:444", (HUGGING_FACE,), False),
        ("https://huggingface.co.example.com", (HUGGING_FACE,), False),
        ("https://huggingface.co@example.com", (HUGGING_FACE,), False),
        ("https://huggingface.co\\@example.com", (HUGGING_FACE,), False),
        ("https://huggingface.co/$(HF_TOKEN)", (HUGGING_FACE,), False),
        ("https://store.example/hub/", ("https://store.example/hub",), True),
        ("https://store.example/hub/a", ("https://store.example/hub/",), True),
        ("https://store.example/hubs", ("https://store.example/hub",), False),
        ("https://store.example/hub/../other", ("https://store.example/hub",), False),
        ("https://store.example/hub/%2e%2e/other", ("https://store.example/hub",), False),
        ("https://store.example", ("https://store.example/hub",), False),
        ("http://127.0.0.1:8080", ("http://127.0.0.1:8080",), True),
        ("http://localhost:8080", ("http://127.0.0.1:8080",), False),
        ("nonsense", (HUGGING_FACE,), False),
    ],
)
def test_only_a_hub_of_the_settings_may_have_a_token(endpoint, hubs, may):
    assert may_have_token(endpoint, hubs) is may


def test_the_settings_take_hubs_that_nobody_can_listen_to():
    assert Config(token_hubs=["https://a.example/hub", "http://localhost:80"]).token_hubs[1] == "http://localhost:80"
    for wrong in ("http://a.example", "a.example", "https://a.example/../b", "https://a.example?x"):
        with pytest.raises(ValidationError):
            Config.model_validate({"tokenHubs": [wrong]})


def test_a_hub_has_a_plain_path_without_a_slash_at_its_end():
    assert str(parse_hub("https://a.example//")) == "https://a.example"
    assert parse_hub("http://[::1]:80/b/c/").origin == ("http", "[::1]", 80)
    assert parse_hub("http://[::1]/").is_loopback
    assert not parse_hub("http://10.0.0.1").is_private


SECRETS = ("https://a.example?secret", "https://secret@a.example", "//secret:secret@a#secret")


@pytest.mark.parametrize("text", [*NASTY, *SECRETS])
def test_a_message_about_a_url_has_no_password_and_no_query(text):
    assert "secret" not in shown(text)
    assert shown(text).isprintable()
    with suppress(InvalidUrlError):
        parse_url(text)


@pytest.mark.parametrize("host", ["[zz]", "[1.2.3.4]", "[::1", "[fe80::1%eth0]", "[::ffff:0:0:0:0:0:0:1]"])
def test_brackets_hold_an_address_of_ipv6(host):
    with pytest.raises(InvalidUrlError):
        parse_url(f"https://{host}/models")
