"""What messages about children that are given up end with."""

import json
from datetime import timedelta

import pytest

from aimlib.diagnosis.refusals import SyncError
from aimlib.kube.timestamp import format_timestamp
from aimlib.protocol.given_up import ServerAnswers, one_to_write
from aimlib.protocol.last_applied import LAST_APPLIED
from aimlib.protocol.observed import ChildState
from tests.world import NOON

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "chat"}}
WHAT = "Service chat cannot be created"
BEFORE = {"message": f"{WHAT}: before", "observedGeneration": 2, "lastTransitionTime": format_timestamp(NOON)}


def told(*errors, before=BEFORE, after=timedelta(minutes=1), changed=NOON - timedelta(hours=1)):
    answers = ServerAnswers(errors, before, 2, format_timestamp(changed), NOON + after)
    return answers.message(WHAT, [SERVICE], "otherwise", alone=False).removeprefix(f"{WHAT}: ")


def error(seconds=0, words="now"):
    about = "Sync error: can't reconcile children for AIMEndpoint team-a/chat: "
    return SyncError(f'{about}services "chat" is forbidden: {words}', NOON + timedelta(seconds=seconds))


def test_the_newest_event_counts_before_what_was_told():
    assert told(error(9, "newest"), error()) == "newest"
    assert told() == "before"
    assert told(before={}) == "otherwise"


def test_an_event_counts_since_the_condition_and_the_spec_are_as_they_are_and_for_ten_minutes():
    assert told(error(0)) == "now"
    assert told(error(-1)) == "before"
    assert told(error(0), changed=NOON + timedelta(seconds=1)) == "before"
    assert told(error(1), changed=NOON + timedelta(seconds=1)) == "now"
    assert told(error(60), after=timedelta(minutes=11)) == "now"
    assert told(error(59), after=timedelta(minutes=11)) == "before"
    assert told(error(10 * 60 + 59)) == "now"
    assert told(error(11 * 60)) == "before"


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (f"{WHAT}: before", "before"),
        (f"2 of 2 replicas serve; {WHAT}: before", "before"),
        (f"1 of 2 replicas serves; the second: {WHAT}: before: and more", "before: and more"),
        (f"Deployment chat, {WHAT}: before", "otherwise"),
        ("Service chat cannot be changed: before", "otherwise"),
        (WHAT, "otherwise"),
        (None, "otherwise"),
    ],
)
def test_what_was_told_of_the_same_children_stays(message, kept):
    assert told(before={**BEFORE, "message": message}) == kept


def test_what_was_told_of_another_spec_does_not_stay():
    assert told(before={**BEFORE, "observedGeneration": 1}) == "otherwise"


def test_one_is_to_be_written_where_all_others_are_as_they_are_desired():
    notes = {"annotations": {LAST_APPLIED: json.dumps(SERVICE)}}
    there = {**SERVICE, "metadata": {**SERVICE["metadata"], **notes}}
    written, missing = ChildState(SERVICE, there, applied=True), ChildState(SERVICE, None, applied=False)
    marked = {**SERVICE, "metadata": {"name": "chat", "labels": {"a": "b"}}}
    changed = ChildState(marked, there, applied=True)
    assert one_to_write([written, missing])
    assert one_to_write([written, changed])
    assert not one_to_write([missing, changed])
    assert not one_to_write([written])
