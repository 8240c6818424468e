"""Why a Pod that has a node gets no containers: the words of nodes, from threads about them, and what is told."""

from datetime import UTC, datetime, timedelta

import pytest

from aimlib.diagnosis.container_ends import PodFailure
from aimlib.diagnosis.pod_failures import pod_failure
from aimlib.diagnosis.preparation import NotPrepared, PodEvent, not_prepared, preparing_pod
from tests.files import TESTDATA, read
from tests.world import pod

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
THREADS = read(TESTDATA / "pod_events.yaml")


def prepared_since(seconds, name="chat-5d9c-x2x4z", uid="1234", **conditions):
    """A Pod that has had a node for so many seconds."""
    since = f"{NOW - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
    scheduled = {"PodScheduled": {"status": "True", "lastTransitionTime": since}, "Ready": "False"}
    return pod({"metadata": {"name": name, "uid": uid}, "conditions": {**scheduled, **conditions}})


def event(message, reason="FailedMount", ago=0):
    return PodEvent(reason, message, NOW - timedelta(seconds=ago))


@pytest.mark.parametrize("thread", THREADS, ids=[thread["source"] for thread in THREADS])
def test_what_a_node_tells_is_told_with_what_it_means(thread):
    told = not_prepared(prepared_since(60), [event(thread["message"], thread["event"])], NOW)
    assert told == NotPrepared("1234", PodFailure(thread["reason"], thread["told"]))


def test_the_cause_is_told_rather_than_that_time_is_out():
    generic = event("Unable to attach or mount volumes: unmounted volumes=[a]: timed out waiting for the condition")
    older, newer = event("older", ago=200), event("newer", ago=100)
    told = [not_prepared(prepared_since(60), events, NOW) for events in ([generic, older, newer], [generic])]
    assert [one.failure.message.partition(": ")[2][:6] for one in told] == ["newer", "Unable"]


@pytest.mark.parametrize(
    "events",
    [[], [event("x", "BackOff")], [event("x", ago=600)], [event("x", ago=-600)]],
    ids=["none", "other", "old", "future"],
)
def test_what_does_not_keep_it_any_more_is_not_told(events):
    assert not_prepared(prepared_since(60), events, NOW) is None


def test_the_pod_that_is_prepared_the_longest_is_looked_at():
    ready = {"PodReadyToStartContainers": {"status": "True", "lastTransitionTime": "2026-11-23T11:59:00Z"}}
    assert (
        preparing_pod([prepared_since(19), prepared_since(300, **ready), pod({"spec": {"nodeName": None}})], NOW)
        is None
    )
    found = preparing_pod([prepared_since(30, "b"), prepared_since(60, "c"), prepared_since(60, "a")], NOW)
    assert found["metadata"]["name"] == "a"


def test_it_is_reported_of_that_pod_alone():
    told = not_prepared(prepared_since(60), [event('secret "hf" not found')], NOW)
    assert pod_failure([prepared_since(60)], NOW, unprepared=told) == told.failure
    assert pod_failure([prepared_since(60, uid="5678")], NOW, unprepared=told) is None
    assert pod_failure([prepared_since(60)], NOW) is None


def test_an_event_without_words_is_told_by_what_it_means():
    told = not_prepared(prepared_since(60), [event("\x00")], NOW)
    assert told.failure.message == "the node cannot mount a volume of the pod"


def test_of_events_with_equal_words_the_order_does_not_matter():
    events = [event("no"), event("no", "FailedCreatePodSandBox")]
    assert not_prepared(prepared_since(60), events, NOW) == not_prepared(prepared_since(60), events[::-1], NOW)
