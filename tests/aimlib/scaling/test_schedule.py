"""Least replicas by the clock: when they begin and end, in which zone, and together."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.kube import cron as clock
from aimlib.kube.cron import ScheduleError, shortest_distance, times
from aimlib.scaling.schedule import ScheduleEntry, scheduled_over, scheduled_replicas, scheduled_times

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
OFFICE = ScheduleEntry("0 9 * * 1-5", 3600, 4)


def least(entries, moment):
    return scheduled_replicas(scheduled_times(entries, moment), moment)


def at(hours, day=MONDAY):
    return day + timedelta(hours=hours)


@pytest.mark.parametrize(("hours", "replicas"), [(8.99, 0), (9, 4), (9.99, 4), (10, 0), (5 * 24 + 9, 0)])
def test_it_applies_from_its_time_on_for_so_long(hours, replicas):
    assert least([OFFICE], at(hours)) == replicas


def test_the_largest_of_those_that_apply_counts():
    night = ScheduleEntry("0 0 * * *", 24 * 3600, 1)
    assert [least([night, OFFICE], at(hours)) for hours in (3, 9.5, 11)] == [1, 4, 1]
    assert least([], MONDAY) == 0


@pytest.mark.parametrize(
    ("day", "hour"), [(datetime(2026, 1, 12, tzinfo=UTC), 8), (datetime(2026, 7, 13, tzinfo=UTC), 7)]
)
def test_the_clock_of_its_zone_counts_in_winter_and_summer(day, hour):
    berlin = OFFICE._replace(time_zone="Europe/Berlin")
    assert [least([berlin], at(hour + shift, day)) for shift in (-0.1, 0, 0.9, 1)] == [0, 4, 4, 0]


def test_an_hour_that_the_clock_leaves_out_is_no_missing_time():
    """At 02:30 on the day on which 02:00 is followed by 03:00."""
    entry = ScheduleEntry("30 2 * * *", 3600, 2, "Europe/Berlin")
    day = datetime(2026, 3, 29, tzinfo=UTC)
    assert max(scheduled_over([entry], day, 24, 3600)) == 2


def test_sunday_is_the_first_day_or_the_last():
    sunday = MONDAY - timedelta(days=1)
    for days in ("0", "7", "5-7", "SUN"):
        assert least([OFFICE._replace(cron=f"0 9 * * {days}")], at(9, sunday)) == 4


MINUTES = st.integers(0, 14 * 24 * 60)


@given(
    MINUTES, st.integers(1, 7 * 24 * 60), st.integers(1, 200), st.sampled_from(["0 9 * * 1-5", "*/7 * * * *", "@daily"])
)
def test_a_span_is_its_moments(minute, lasts, steps, cron):
    entry, begin = ScheduleEntry(cron, 60 * lasts, 3), MONDAY + timedelta(minutes=minute)
    span = scheduled_over([entry], begin, steps, 60)
    assert len(span) == steps
    for step in {0, steps // 2, steps - 1}:
        assert span[step] == least([entry], begin + timedelta(minutes=step))


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"cron": "never"}, "'never' is no schedule"),
        ({"cron": "0 0 31 2 *"}, "is no schedule"),
        ({"time_zone": "Mars/Olympus"}, "there is no time zone 'Mars/Olympus'"),
        ({"time_zone": "../etc/passwd"}, "there is no time zone"),
        ({"seconds": 0}, "not 0 seconds"),
        ({"seconds": 8 * 24 * 3600}, "seven days"),
    ],
)
def test_what_names_no_time_is_told(odd, words):
    with pytest.raises(ScheduleError, match=words):
        least([OFFICE._replace(**odd)], MONDAY)


def test_the_time_that_decides_comes_first():
    """The most replicas, then the longest; of those that come the next."""
    longer, more = OFFICE._replace(seconds=7200), OFFICE._replace(seconds=600, min_replicas=6)
    now = at(9.1)
    found = scheduled_times([OFFICE, OFFICE._replace(cron="0 8 * * *"), more, longer], now)
    assert [one.entry for one in found[:3]] == [more, longer, OFFICE]
    assert [one.applies(now) for one in found] == [True, True, True, False]
    assert [one.changes(now) for one in found] == [at(9) + timedelta(seconds=600), at(11), at(10), at(32)]


def test_the_hour_that_autumn_has_twice_has_its_time_once():
    """On the day on which 03:00 is followed by 02:00, which is 01:00 UTC."""
    day = datetime(2026, 10, 25, tzinfo=UTC)
    once = OFFICE._replace(cron="30 2 * * *", time_zone="Europe/Berlin", seconds=1200)
    assert [least([once], at(hours, day)) for hours in (0.4, 0.5, 0.8, 1.0, 1.5, 1.6)] == [0, 4, 4, 0, 0, 0]


@pytest.mark.parametrize(
    ("cron", "seconds"), [("*/7 * * * *", 240), ("0 8,17 * * *", 32400), ("@daily", 86400), ("0 0 29 2 ?", 126230400)]
)
def test_the_shortest_distance_of_two_times(cron, seconds):
    assert shortest_distance(cron, "Etc/UTC") == seconds


def test_a_schedule_of_one_day_in_28_years_is_not_looked_through_for_centuries(monkeypatch):
    """Whoever writes endpoints may write sixteen of them, in every form."""
    seen = []

    def counted(*given):
        for time in times(*given):
            seen.append(time)
            yield time

    monkeypatch.setattr(clock, "times", counted)
    assert shortest_distance("7 23 29 2 */7", "Etc/UTC") == 28 * 365.25 * 86400
    assert len(seen) == 2
