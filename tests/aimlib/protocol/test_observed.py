"""What is read of a status that anybody may have written: a time has the forms that its schema lets pass."""

from datetime import UTC, datetime

import pytest

from aimlib.protocol.observed import condition_since, overdue, requested_since

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FORGED = "2026-11-23t11:00:00z"


def test_nothing_is_overdue_since_what_is_no_time():
    assert overdue(NOON, "2026-11-23T11:00:00Z")
    assert not overdue(NOON, FORGED)


def test_a_condition_whose_time_is_none_has_its_status_since_now():
    before = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": FORGED}]}
    assert condition_since(NOON, before, "Ready", "True") == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize(
    ("moment", "since"),
    [
        ("2026-11-23T12:00:10Z", "2026-11-23T12:00:10Z"),
        ("2026-11-23T12:00:11Z", "2026-11-23T11:00:00Z"),
        ("9998-12-31T23:59:59Z", "2026-11-23T11:00:00Z"),
        ("2026-11-23T13:00:00+14:00", "2026-11-23T11:00:00Z"),
        ({}, "2026-11-23T11:00:00Z"),
    ],
)
def test_children_are_requested_since_no_time_that_is_still_to_come(moment, since):
    status = {"conditions": [{"lastTransitionTime": moment}]}
    parent = {"metadata": {"creationTimestamp": "2026-11-23T11:00:00Z"}, "status": status}
    assert requested_since(parent, datetime(2026, 11, 23, 12, tzinfo=UTC)) == since
