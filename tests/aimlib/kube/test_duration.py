"""Lengths of time and amounts of bytes are read and said as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.caching import byte_sizes
from aimlib.kube import duration

DAY = 86_400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30d", 30 * DAY), ("12h", DAY // 2), ("90m", 5400), ("45s", 45), ("2w", 14 * DAY), ("0d", 0), (" 1d ", DAY)],
)
def test_a_length_of_time_is_read(text, seconds):
    assert duration.parse_duration(text) == seconds


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("2s", 2), (" 40ms ", 0.04)])
def test_a_latency_is_read(text, seconds):
    assert duration.parse_latency(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "1.5s", "2m", "1234567ms", "0s", "00ms"])
def test_what_is_no_latency_is_refused(text):
    with pytest.raises(duration.InvalidDurationError, match="is not a duration such as 500ms or 2s"):
        duration.parse_latency(text)


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "1d12h", "123456789d", "1y"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(duration.InvalidDurationError, match="is not a duration such as 30d, 12h or 45m"):
        duration.parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (45 * DAY, "45d"),
        (1.5 * DAY, "1d 12h"),
        (DAY + 5, "1d"),
        (DAY + 3661, "1d 1h"),
        (3605, "1h"),
        (59, "59s"),
        (61.9, "1m 1s"),
        (0, "0s"),
    ],
)
def test_a_length_of_time_in_words(seconds, said):
    assert duration.format_duration(seconds) == said


@pytest.mark.parametrize(
    ("amount", "down", "up"),
    [
        (0, "0 bytes", "0 bytes"),
        (1023, "1023 bytes", "1023 bytes"),
        (2**30, "1 GiB", "1 GiB"),
        (2**30 + 1, "1 GiB", "1.1 GiB"),
        (100 * 2**30 - 1, "99.9 GiB", "100 GiB"),
        (1536 * 2**20, "1.5 GiB", "1.5 GiB"),
        (5 * 2**40, "5 TiB", "5 TiB"),
        (2**70, "1048576 PiB", "1048576 PiB"),
    ],
)
def test_an_amount_in_words(amount, down, up):
    assert byte_sizes.format_bytes(amount) == down
    assert byte_sizes.format_bytes(amount, at_least=True) == up


@given(st.integers(0, 2**45))
def test_what_is_there_is_never_said_to_be_more_and_what_is_asked_for_never_less(amount):
    scale = {unit: 1024**power for power, unit in enumerate(byte_sizes.UNITS)}
    low, high = (
        float(number) * scale[unit]
        for number, unit in (byte_sizes.format_bytes(amount, at_least=up).split() for up in (False, True))
    )
    assert low <= amount <= high
