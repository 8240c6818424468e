"""What is read of a status that anybody may have written: a time has the forms that its schema lets pass."""

from datetime import UTC, datetime

from aimlib.protocol.observed import condition_since, overdue

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FORGED = "2026-11-23t11:00:00z"


def test_nothing_is_overdue_since_what_is_no_time():
    assert overdue(NOON, "2026-11-23T11:00:00Z")
    assert not overdue(NOON, FORGED)


def test_a_condition_whose_time_is_none_has_its_status_since_now():
    before = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": FORGED}]}
    assert condition_since(NOON, before, "Ready", "True") == "2026-11-23T12:00:00Z"
