"""Times that others wrote are read or are none; they end no program at the end of all times."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.kube.timestamp import format_timestamp, parse_time


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", None, 7, "2026-02-31T00:00:00Z", "2026-01-01T00:00:00+99:00"),
        *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"),
    ],
)
def test_what_is_no_time_that_can_be_computed_with_is_none(text):
    assert parse_time(text) is None


@pytest.mark.parametrize("text", ["2026-11-23T12:00:00Z", "2026-11-23T12:00:00", "2026-11-23T14:00:00.5+02:00"])
def test_a_time_is_in_utc(text):
    assert format_timestamp(parse_time(text)) == "2026-11-23T12:00:00Z"


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)) | st.datetimes())
def test_days_can_be_added_to_and_subtracted_from_any_time(when):
    if found := parse_time(when.isoformat()):
        assert found - timedelta(days=365) < found < found + timedelta(days=365)
        assert found - datetime(2026, 1, 1, tzinfo=UTC) is not None
