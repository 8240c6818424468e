"""Go durations."""

import pytest

from tests.cluster.standin.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds", "printed"),
    [
        ("10s", 10, "10s"),
        ("60s", 60, "1m0s"),
        ("1m30s", 90, "1m30s"),
        ("1h", 3600, "1h0m0s"),
        ("1.5h", 5400, "1h30m0s"),
        ("250ms", 0.25, "250ms"),
        ("1500ms", 1.5, "1.5s"),
        ("1.005s", 1.005, "1.005s"),
        ("30us", 30e-6, "30µs"),
        ("7ns", 7e-9, "7ns"),
        ("0", 0, "0s"),
        ("-2m", -120, "-2m0s"),
    ],
)
def test_a_duration(text, seconds, printed):
    assert parse_duration(text) == pytest.approx(seconds)
    assert format_duration(seconds) == printed


@pytest.mark.parametrize("text", ["", "10", "s", "10 s", "1d", "10s5", "-", "1..5s"])
def test_what_go_refuses(text):
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)
