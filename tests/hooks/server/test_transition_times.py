"""The times of conditions: kept while a status stands, moved with a transition."""

from datetime import UTC, datetime, timedelta

import pytest

from aimlib.kube.timestamp import format_timestamp
from aimlib.protocol.metacontroller import Request
from hooks.server.transition_times import with_transition_times

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def moment(seconds):
    return format_timestamp(NOON + timedelta(seconds=seconds))


def condition(status, since=None, kind="Ready"):
    return {"type": kind, "status": status, **({"lastTransitionTime": since} if since else {})}


def asked(*before, changed=None, children=None, related=None):
    metadata = {"name": "chat", **({"managedFields": [{"time": changed}]} if changed else {})}
    parent = {"metadata": metadata, "status": {"conditions": list(before)}}
    return Request(parent, children or {}, related or {}, NOON)


def times(status, request):
    return {one["type"]: one["lastTransitionTime"] for one in with_transition_times(status, request)["conditions"]}


def test_a_status_without_conditions_has_no_times():
    assert with_transition_times({"nodes": 3}, asked()) == {"nodes": 3}


def test_the_time_stays_while_the_status_stays():
    said = {"conditions": [condition("True")]}
    assert times(said, asked(condition("True", moment(-900)))) == {"Ready": moment(-900)}


def test_the_time_moves_when_the_status_does():
    said = {"conditions": [condition("False"), condition("True", kind="UpToDate")]}
    before = (condition("True", moment(-900)), condition("True", moment(-800), "UpToDate"))
    assert times(said, asked(*before)) == {"Ready": moment(0), "UpToDate": moment(-800)}


def test_a_condition_without_a_time_gets_one():
    assert times({"conditions": [condition("True")]}, asked(condition("True"))) == {"Ready": moment(0)}


def test_a_time_that_the_schema_lets_pass_and_nobody_reads_is_replaced():
    forged = condition("True", moment(-900).lower())
    assert times({"conditions": [condition("True")]}, asked(forged)) == {"Ready": moment(0)}


def test_the_first_status_dates_from_the_last_change_of_the_object():
    assert times({"conditions": [condition("False")]}, asked(changed=moment(-2))) == {"Ready": moment(-2)}


def test_the_first_status_of_an_object_without_times_dates_from_now():
    assert times({"conditions": [condition("False")]}, asked()) == {"Ready": moment(0)}


@pytest.mark.parametrize(("age", "taken"), [(-3, -3), (-60, 0), (5, 0)])
def test_a_transition_dates_from_a_recent_event_that_explains_it(age, taken):
    children = {
        "Deployment.apps/v1": {
            "team-a/chat": {
                "metadata": {},
                "status": {"conditions": [{"type": "Available", "lastTransitionTime": moment(age)}, {"type": "Other"}]},
            }
        }
    }
    request = asked(condition("False", moment(-900)), children=children)
    assert times({"conditions": [condition("True")]}, request) == {"Ready": moment(taken)}


def test_a_transition_may_be_explained_by_a_related_object():
    writes = [{"time": moment(-1)}, {"manager": "without a time"}]
    related = {"AIMRecipe.x/v1": {"r": {"metadata": {"managedFields": writes}}}}
    request = asked(condition("True", moment(-900)), related=related)
    assert times({"conditions": [condition("False")]}, request) == {"Ready": moment(-1)}


NO_TIMES = [None, "", "x", "2026-11-23T12:00:00", "9999-99-99T99:99:99Z", 5]


@pytest.mark.parametrize("written", NO_TIMES)
def test_a_time_that_is_none_is_no_event(written):
    children = {"HTTPRoute.v1": {"chat": {"status": {"conditions": [{"lastTransitionTime": written}]}}}}
    said = {"conditions": [condition("True")]}
    assert times(said, asked(condition("False", moment(-900)), children=children)) == {"Ready": moment(0)}


@pytest.mark.parametrize("written", NO_TIMES)
def test_a_write_of_no_time_is_no_event_either(written):
    related = {"StorageClass.storage.k8s.io/v1": {"fast": {"metadata": {"managedFields": [{"time": written}]}}}}
    request = asked(condition("False", moment(-900)), changed=written, related=related)
    assert times({"conditions": [condition("True")]}, request) == {"Ready": moment(0)}


@pytest.mark.parametrize(
    "other", [*NO_TIMES, "2026-11-23T12:00:00z", "2026-11-23T23:59:60Z", "2026-W01-1", "20261123T120000Z"]
)
def test_a_time_in_the_own_status_that_is_none_counts_as_absent(other):
    said = {"conditions": [condition("True"), condition("True", kind="UpToDate")]}
    before = (condition("False", other), condition("True", moment(-900), "UpToDate"))
    assert times(said, asked(*before)) == {"Ready": moment(0), "UpToDate": moment(-900)}
    assert times({"conditions": [condition("True")]}, asked(before[0], changed=moment(-9))) == {"Ready": moment(-9)}
