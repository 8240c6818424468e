"""How long replicas took to start: each once, the last ten, and the same again for the same Pods."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.startup import LONGEST_START, MOST_STARTS, Startup
from aimlib.diagnosis.start_times import percentile, startup
from aimlib.kube.timestamp import format_timestamp
from tests.playing import NOON
from tests.world import pod

YEARS = LONGEST_START


def at(seconds):
    return format_timestamp(NOON + timedelta(seconds=seconds))


def started(uid="a", *, created=0, scheduled=2, prepared=10, runs=100, ready=400, **container):  # noqa: PLR0913
    moments = {"PodScheduled": scheduled, "PodReadyToStartContainers": prepared, "Ready": ready}
    conditions = {
        kind: None if moment is None else {"status": "True", "lastTransitionTime": at(moment)}
        for kind, moment in moments.items()
    }
    state = {"state": {"running": {"startedAt": at(runs)}}} if runs is not None else {}
    metadata = {"uid": uid, "creationTimestamp": at(created)} if uid else {"creationTimestamp": at(created)}
    return pod({"metadata": metadata, "conditions": conditions, "container": {**state, **container}})


def of_parts(uid, parts):
    """A start of a Pod that was created when its UID says, as each is once and for all."""
    created = int.from_bytes(uid.encode()) % 10**6
    whole = [created + sum(parts[:number]) for number in range(1, 5)]
    return started(uid, created=created, **dict(zip(("scheduled", "prepared", "runs", "ready"), whole, strict=True)))


STARTS = st.builds(
    of_parts, st.text("abc", min_size=1, max_size=3), st.lists(st.integers(0, 4000), min_size=4, max_size=4)
)
LOOKS = st.lists(st.lists(STARTS, max_size=8, unique_by=lambda one: one["metadata"]["uid"]), max_size=6)


def test_the_parts_of_a_start_are_its_whole():
    found = startup(None, [started()])
    assert found.parts.wire() == {"scheduling": 2, "volume": 8, "image": 90, "load": 300}
    assert (found.p50_seconds, found.p90_seconds, found.count) == (400, 400, 1)


@pytest.mark.parametrize(
    ("missing", "parts"),
    [
        ({"prepared": None}, {"scheduling": 2, "image": 98, "load": 300}),
        ({"prepared": None, "scheduled": None}, {"image": 100, "load": 300}),
    ],
)
def test_what_the_kubelet_does_not_report_is_in_the_next_part(missing, parts):
    found = startup(None, [started(**missing)])
    assert (found.parts.wire(), found.p50_seconds) == (parts, 400)


@pytest.mark.parametrize(
    "odd",
    [
        {"restartCount": 1},
        {"ready": None},
        {"runs": None},
        {"uid": ""},
        {"runs": 5},  # before its volumes were there
        {"ready": 400 * 24 * 3600},  # ready again after long
        {"scheduled": YEARS, "prepared": None, "runs": YEARS + 9, "ready": YEARS + 99},  # by the clock of another year
        {"scheduled": 2 * YEARS // 3, "prepared": 4 * YEARS // 3, "runs": 2 * YEARS - 9, "ready": 2 * YEARS},
    ],
)
def test_a_pod_that_does_not_show_its_start_is_no_start(odd):
    assert startup(None, [started(**odd)]) is None


def test_a_pod_that_was_longer_not_ready_than_it_may_load_became_ready_again():
    one = started()
    probe = {"name": "engine", "startupProbe": {"periodSeconds": 10, "failureThreshold": 20}}
    assert startup(None, [{**one, "spec": {**one["spec"], "containers": [probe]}}]) is None


def test_a_pod_without_containers_or_status_is_no_start():
    one = started()
    assert startup(None, [{"metadata": one["metadata"]}, {**one, "spec": {}}]) is None


def test_a_pod_that_becomes_ready_again_keeps_its_first_start():
    first = startup(None, [started()])
    assert startup(first, [started(ready=900)]) == first
    assert startup(first, []) == first


def test_a_start_of_a_status_that_is_longer_than_any_is_forgotten():
    known = startup(None, [started("a"), started("b")])
    parts = known.last[0].parts.model_copy(update={"load": LONGEST_START})
    long = known.last[0].model_copy(update={"parts": parts})
    found = startup(known.model_copy(update={"last": (long, known.last[1])}), [])
    assert found.last == (known.last[1],)


@given(LOOKS)
def test_a_second_look_finds_the_same_and_only_the_last_ten_are_kept(looks):
    found = None
    for pods in looks:
        found = startup(found, pods)
        again = startup(Startup.model_validate(found.wire()) if found else None, pods)
        assert again == found
        if found:
            assert found.count == len(found.last) == len({one.pod for one in found.last}) <= MOST_STARTS
            assert [one.ready_at for one in found.last] == sorted(one.ready_at for one in found.last)
            assert found.p50_seconds <= found.p90_seconds <= max(one.seconds for one in found.last)


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(1, 100))
def test_so_many_percent_are_not_above_a_percentile_and_it_is_the_least(values, percent):
    found = percentile(values, percent)
    share = lambda bound: sum(value <= bound for value in values) * 100 / len(values)  # noqa: E731 - of these values
    assert found in values
    assert share(found) >= percent
    assert all(share(value) < percent for value in values if value < found)
