"""The start-up time that an autoscaler counts on: it seldom changes, and is hardly ever too short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.scaling.anticipation import FITS, ROUNDED_SECONDS, USUAL_STARTUP_SECONDS, offset_seconds, rounded_startup


@given(st.integers(0, 10**8), st.sampled_from([None, 7, "x", *ROUNDED_SECONDS]))
def test_what_was_rounded_stays_and_is_long_enough(measured, former):
    found = rounded_startup(measured, former)
    assert found in ROUNDED_SECONDS
    assert rounded_startup(measured, found) == found
    assert measured <= FITS[1] * found or found == ROUNDED_SECONDS[-1]


@given(st.sampled_from(ROUNDED_SECONDS), st.floats(0.9, 1.1))
def test_starts_that_differ_by_a_tenth_change_it_once_at_most(seconds, factor):
    """However they alternate about a number at which it is rounded up."""
    former = None
    found = [former := rounded_startup(round(seconds * one), former) for one in (1, factor, 1 / factor) * 4]
    assert len({*found[3:]}) == 1


@pytest.mark.parametrize(("former", "expected"), [(None, USUAL_STARTUP_SECONDS), (1800, 1800), ("much", 600)])
def test_without_a_start_the_former_one_counts_or_the_usual(former, expected):
    assert rounded_startup(None, former) == expected


@pytest.mark.parametrize(("period", "days"), [("1d", 1), ("7d", 7)])
def test_the_load_is_later_by_the_start_up_time(period, days):
    assert offset_seconds(period, 1800) == days * 86_400 - 1800
