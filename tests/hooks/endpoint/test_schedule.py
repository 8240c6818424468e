"""When an endpoint's schedule is looked at again: never after it changes, and seldom while that is far off."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aimlib.scaling.schedule import ScheduledTime, ScheduleEntry
from hooks.endpoint.schedule import LOOKS_SECONDS, schedule_resync_seconds, scheduled_status

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
LENGTH = timedelta(hours=10)


def time(seconds):
    begins = NOW + timedelta(seconds=seconds)
    return ScheduledTime(ScheduleEntry("0 8 * * *", 36000, 3), begins, begins + LENGTH)


@given(st.floats(-35_999, 7 * 86_400), st.floats(-35_999, 7 * 86_400))
def test_the_next_look_is_when_it_changes_at_the_latest(one, other):
    times = [time(one), time(other)]
    left = min((each.changes(NOW) - NOW).total_seconds() for each in times)
    found = schedule_resync_seconds(times, NOW)
    assert 1 <= found < max(left, 0) + 1
    assert found in LOOKS_SECONDS or found <= 2 * min(LOOKS_SECONDS)


def test_a_far_time_is_looked_at_a_few_times_a_day():
    looks, now, begins = 0, NOW, time(86_400)
    while not begins.applies(now):
        now += timedelta(seconds=schedule_resync_seconds([begins], now))
        looks += 1
    assert now == begins.begins
    assert looks < 60


def test_without_a_schedule_there_is_nothing_to_look_at():
    assert schedule_resync_seconds((), NOW) == 0
    assert scheduled_status((), NOW) is None
