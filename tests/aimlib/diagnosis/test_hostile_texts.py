"""Texts of other programs take linear time, whatever they are, and leave no control character in a message."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.diagnosis.engine_errors import diagnose, last_line, shortened
from aimlib.diagnosis.image_pulls import pull_failure
from aimlib.diagnosis.pod_failures import pod_failure
from aimlib.diagnosis.scheduling import claim_pending, summarize
from aimlib.diagnosis.secret_patterns import hide_secrets
from aimlib.printable import printable

READERS = {
    "diagnose": diagnose,
    "last_line": last_line,
    "shortened": shortened,
    "hide_secrets": hide_secrets,
    "summarize": lambda text: summarize(text, {}),
    "claim_pending": claim_pending,
    "pull_failure": lambda text: pull_failure(text, "a"),
}
PIECES = [
    *" \t([{\"'/\\=:-0a@",
    *('\\"', "a ", "a@", "a:b@", ",a:", "://", "token=", "token ", "--api-key=a ", "a={", "token=[", "token='"),
    *("eyJ", "eyJ-", "eyJa.eyJa.", "-eyJ", "sk-", "hf_", "0x", "(pid=1) ", "x pid=1) ", "INFO 01-01 "),
    *("(Request ID: ", "\x1b[0;", "0/1 nodes are available: ", "1 a, ", "persistentvolumeclaim ", "preemption: "),
    *("https://", "failed to do request: ", "extract-0-", "(application/", "read tcp ", "->", "x509", "sig="),
    *("torch.", "error: argument ", "\u3000", "Error: "),
]


ROUNDS = 8


def seconds(read, text):
    began = time.process_time()
    read(text)
    return time.process_time() - began


def is_linear(read, piece, first="", size=2_000):
    """Whether a text of four times the size takes less than ten times as long, 20 ms apart, in any round.

    A pattern that backtracks takes sixteen times as long in each round; other programs disturb some of them.
    """
    short, long = (first + (piece * length)[:length] + "x=1" for length in (size, 4 * size))
    return any(seconds(read, long) < 10 * seconds(read, short) + 0.02 for _ in range(ROUNDS))


@pytest.mark.parametrize("name", READERS)
def test_four_times_the_text_takes_about_four_times_the_time(name):
    assert [piece for piece in PIECES if not is_linear(READERS[name], piece)] == []


def test_a_long_value_after_the_flag_of_a_secret_takes_linear_time():
    pieces = (" ", " a", " -", "- ")
    assert [piece for piece in pieces if not is_linear(hide_secrets, piece, "--api-key a", size=8_000)] == []


ESCAPES = "\x1b]0;title\x07\x1b[31m\x9b2J\u202e\x00"
POD = {
    "metadata": {"name": "a", "creationTimestamp": "2026-11-23T11:00:00Z"},
    "spec": {"containers": [{"name": "engine"}], "nodeName": f"n{ESCAPES}"},
}
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def container(**state):
    return {"containerStatuses": [{"name": f"engine{ESCAPES}", "image": f"i{ESCAPES}", **state}]}


STATUSES = [
    container(state={"waiting": {"reason": "ErrImagePull", "message": f"no {ESCAPES} such"}}),
    container(state={"waiting": {"reason": "CreateContainerConfigError", "message": f"no {ESCAPES} such"}}),
    container(state={"terminated": {"exitCode": 1, "message": f"it failed {ESCAPES} here"}}),
    container(state={"terminated": {"exitCode": 1, "message": f"CUDA out of memory {ESCAPES}"}}),
    {"phase": "Failed", "reason": f"Odd{ESCAPES}", "message": f"odd {ESCAPES}"},
    {"reason": "NodeLost"},
    {
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "message": f"0/1 nodes are available: 1 Insufficient {ESCAPES}x.",
                "lastTransitionTime": "2026-11-23T11:00:00Z",
            }
        ]
    },
]


@pytest.mark.parametrize("status", STATUSES)
def test_no_message_about_a_pod_has_control_characters(status):
    found = pod_failure([{**POD, "status": status}], NOW)
    assert found is not None
    assert printable(found.message) == found.message
    assert len(found.message) <= 2048


@given(st.text(max_size=60))
def test_what_is_quoted_is_printable(text):
    for quoted in (shortened(text), last_line(text), summarize(text, {})):
        assert printable(quoted) == quoted


def test_a_number_of_thousands_of_digits_is_no_number_of_nodes():
    assert "problem" not in summarize(f"0/1 nodes are available: {'9' * 5000} Insufficient x.", {})
