"""No secret gets through in words that others wrote, and what helps does."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aimlib.diagnosis.engine_errors import diagnose, last_line, shortened
from aimlib.diagnosis.log_lines import MESSAGE_BYTES
from aimlib.diagnosis.secret_patterns import HIDDEN, hide_secrets

OPEN = string.ascii_letters + string.digits
ODD = OPEN + "!#$%&*+./:;<=>?@[](){}^_|~-,"
CONTEXTS = {
    "hf_{}": OPEN,
    "sk-{}": OPEN + "-_",
    "ghp_{}": OPEN,
    "AKIA{}": string.ascii_uppercase + string.digits,
    "eyJ{}.payload.signature": OPEN,
    "Authorization: Bearer {}": ODD,
    "authorization: Basic {}": ODD,
    "sent bearer {} to it": ODD,
    "https://user:{}@hub.example/org/model": OPEN + "!@$%&:;=",
    "cannot log in as bob:{}@db.example:5432": OPEN + "!$%&;=",
    "https://hub.example/api?access_token={}": ODD,
    "https://cdn.example/data?expires=1&signature={}": OPEN + "%-_~",
    "https://bucket.example/key?X-Amz-Signature={}": OPEN,
    "https://blobs.example/data?sig={}&se=1": OPEN + "%",
    "--api-key={}": ODD,
    "--api-key {} --port 8000": OPEN,
    "--api-key first {} third --port 8000": OPEN,
    "error: unrecognized arguments: --hf-token {}": OPEN,
    "HF_TOKEN={}": ODD,
    'export VLLM_API_KEY="{}"': ODD,
    "password: {}": ODD,
    "aws_secret_access_key = {}": ODD,
    "Namespace(host='x', api_key='{}', port=1)": ODD,
    "non-default args: {{'api_key': ['first', '{}', 'third'], 'port': 1}}": ODD,
    '{{"auth": {{"password": "{}"}}}}': ODD,
    "os.environ[\"HF_TOKEN\"] = '{}'": ODD,
    "dbPassword={}": ODD,
}
"""Where a secret stands in a line, and what it may be made of there."""


@st.composite
def lines(draw):
    """A line with a secret, and that secret."""
    context = draw(st.sampled_from(sorted(CONTEXTS)))
    secret = draw(st.text(CONTEXTS[context], min_size=20, max_size=40))
    words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=8)
    before, after = (" ".join(draw(st.lists(words, max_size=4))) for _ in range(2))
    return f"{before} {context.format(secret)} {after}".strip(), secret


@given(lines())
@example(("x api_key=['a]b', 'abcdefghijklmnopqrst'] y", "abcdefghijklmnopqrst"))
@example(("--api-key first abcdefghijklmnopqrst", "abcdefghijklmnopqrst"))
@example(("KEY= --api-key first abcdefghijklmnopqrst", "abcdefghijklmnopqrst"))
@example(("Authorization: Bearer\tabcdefghijklmnopqrst", "abcdefghijklmnopqrst"))
def test_a_secret_in_any_place_of_a_line_is_hidden(made):
    line, secret = made
    assert secret not in hide_secrets(line)
    assert HIDDEN in hide_secrets(line)
    assert secret not in last_line(f"INFO 11-23 12:00:00 before\n{line}\n")
    assert secret not in shortened(f"first\n{line}\nlast")


@given(lines())
def test_a_secret_is_hidden_in_what_is_known_too(made):
    line, secret = made
    for words in (f"error: unrecognized arguments: {line}", f"CUDA error: out of memory {line}"):
        found = diagnose(words)
        assert found is not None
        assert secret not in found.message


@given(lines())
def test_what_is_hidden_stays_as_it_is(made):
    once = hide_secrets(made[0])
    assert hide_secrets(once) == once


@pytest.mark.parametrize(
    "line",
    [
        "KeyError: 'lm_head.weight'",
        "max_tokens=4096, tokenizer: auto, monkey=3",
        "Missing key(s) in state_dict: lm_head.weight",
        "OSError: We couldn't connect to 'https://huggingface.co' to load the files",
        "Cannot access gated repo for url https://huggingface.co/org/model/resolve/main/config.json.",
        "pulling vllm/vllm-openai:v0.33.0@sha256:0123456789abcdef and redis:7@sha256:0123456789abcdef",
        "fetching https://huggingface.co/org/model@main",
        'secret "huggingface-token" not found',
        "launch_server.py: error: unrecognized arguments: --max-model-len 4096",
        "--api-key",
    ],
)
def test_what_is_no_secret_is_shown(line):
    assert hide_secrets(line) == line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Invalid token hf_abcdefghijklmnop1234 given", f"Invalid token {HIDDEN} given"),
        ("--api-key open sesame --port 8", f"--api-key {HIDDEN} --port 8"),
        ("Authorization: Bearer abc.def sent", f"Authorization: {HIDDEN} sent"),
        ("HF_TOKEN=abc started", f"HF_TOKEN={HIDDEN} started"),
        ("https://me:abc@hub/x", f"https://{HIDDEN}@hub/x"),
    ],
)
def test_what_stands_around_a_secret_stays(line, shown):
    assert hide_secrets(line) == shown


def test_what_the_kubelet_cut_does_not_begin_in_the_middle_of_a_secret():
    text = "abcdefghijklmnop rest" + "x" * MESSAGE_BYTES
    assert last_line(f"{text}\n").startswith("restx")
    assert last_line(f"opensesame {'y' * MESSAGE_BYTES}\nthe last line") == "the last line"
    assert last_line(f"opensesame{'y' * MESSAGE_BYTES}\n") == ""
    assert last_line("opensesame") == "opensesame"
