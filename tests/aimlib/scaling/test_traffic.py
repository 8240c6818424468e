"""Recorded traffic as it is read: from files of anybody, with gaps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.scaling.traffic import (
    LEAST_PERIODS,
    MOST_LOAD,
    MOST_PERIODS,
    STEPS_OF_PERIOD,
    TrafficError,
    by_minute,
    periods,
    read_traffic,
)


def lines(loads):
    return "\n".join(f"{600 * at},{load}" for at, load in enumerate(loads))


def test_a_file_may_have_a_head_more_columns_and_any_order():
    loads = [float(1 + at % 7) for at in range(LEAST_PERIODS)]
    rows = [f"{600 * at}, {load} ,x" for at, load in enumerate(loads)]
    assert read_traffic("\n".join(["second,requests_per_second,clients", "", *reversed(rows)])) == loads
    assert read_traffic(lines(loads)) == loads


def test_several_samples_of_ten_minutes_are_their_mean():
    samples = {at * 60.0: float(at % 10) for at in range(10 * LEAST_PERIODS)}
    assert periods(samples) == [4.5] * LEAST_PERIODS


def test_a_time_without_a_recording_is_left_out_and_only_the_last_days_count():
    assert read_traffic(lines([1, 0, *[2] * LEAST_PERIODS])) == [1, *[2] * LEAST_PERIODS]
    assert len(periods({600.0 * at: 1.0 for at in range(MOST_PERIODS + 5)})) == MOST_PERIODS


def test_a_load_that_nobody_has_is_bounded():
    assert periods({600.0 * at: 1.7e308 for at in range(LEAST_PERIODS)}) == [MOST_LOAD] * LEAST_PERIODS
    with pytest.raises(TrafficError, match="there are 0"):
        periods({600.0 * at: 5e-324 for at in range(LEAST_PERIODS)})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no traffic"),
        ("second,load\n", "there is no traffic"),
        ("0,1\n600,1", f"a replay needs {LEAST_PERIODS} periods of ten minutes with traffic, there are 2"),
        ("0,1\nsix,1", "line 2 has no second and load: 'six,1'"),
        ("a,b\n0,1\n600", "line 3 has no second and load"),
        ("0,-1", "line 1"),
        ("0,inf", "line 1"),
        ("0,nan", "line 1"),
    ],
)
def test_what_cannot_be_replayed_is_told(text, words):
    with pytest.raises(TrafficError, match=words):
        read_traffic(text)


@given(st.text(max_size=200))
def test_any_text_is_traffic_or_an_error_of_ours(text):
    with pytest.raises(TrafficError):
        read_traffic(text)


@given(st.lists(st.floats(0.1, 100), min_size=2, max_size=50))
def test_minutes_are_on_a_line_between_the_periods(loads):
    found = by_minute(loads)
    assert found[::STEPS_OF_PERIOD] == pytest.approx(loads)
    assert min(loads) - 1e-9 <= min(found)
    assert max(found) <= max(loads) + 1e-9
