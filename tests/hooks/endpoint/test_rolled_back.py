"""A track that was rolled back does not come back by the same status: Metacontroller may send one from before."""

from copy import deepcopy
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import Case
from tests.files import TESTDATA
from tests.playing import call, play, stored

ENDED = ("a-canary-that-cannot-start-is-removed", "a-canary-that-stays-slower-is-removed")
"""Cases whose answer ends a canary."""
TRIAL = {("Deployment", "chat-b"), ("Service", "chat-pods-971abc07")}
LATEST = 2
"""So many statuses ago may be the one that is sent."""


def of_trial(children):
    return TRIAL & {(one["kind"], one["metadata"]["name"]) for one in children}


def status_of(child):
    """What others wrote on a child that is there already."""
    return {key: child[key] for key in ("status",) if key in child}


def applied(body, children):
    """The request with the children of an answer: those that were there keep their status, others begin without."""
    found = [one for group in body["children"].values() for one in group.values()]
    kept = {f"{one['kind']}/{one['metadata']['name']}": status_of(one) for one in found}
    return {**body, "children": {**{kind: {} for kind in body["children"]}, **stored(children, kept)}}


@pytest.mark.parametrize("name", ENDED)
@settings(max_examples=20, deadline=None)
@given(lags=st.lists(st.integers(0, LATEST), min_size=4, max_size=8))
def test_it_goes_once_and_stays_away(name, lags):
    world = Case(TESTDATA / "endpoint" / "sync" / name).world
    first = play("endpoint", "/endpoint/sync", world)
    body, answer, now = deepcopy(first.request), first.answer.said, first.now
    statuses, at = [body["parent"]["status"], answer["status"]], 0
    assert of_trial(answer["children"]) == TRIAL
    gone = False
    for lag in [*lags, 0, 0]:
        at = max(at, len(statuses) - 1 - lag)  # what was seen once is not followed by what was before it
        body = applied(body, answer["children"])
        body["parent"] = {**body["parent"], "status": {"observedGeneration": 1, **statuses[at]}}
        pods = world.get("pods") if of_trial(answer["children"]) else []
        now += timedelta(seconds=1)
        answer = call("endpoint", "/endpoint/sync", body, now, {**world, "pods": pods}).said
        statuses.append(answer["status"])
        assert answer["status"]["canary"]["phase"] == "RolledBack"
        assert not (gone and of_trial(answer["children"]))
        gone = not of_trial(answer["children"])
    assert gone
