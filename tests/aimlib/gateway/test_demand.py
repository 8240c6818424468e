"""Demand as a lease: never none while a model loads, and none once it has been there without requests for a while."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.gateway.demand import CLUSTER_COUNTS, EndpointLook, leased, seen_of
from aimlib.gateway.table import HOLDER, ModelTable

IDLE = 60
MOMENTS = st.lists(
    st.tuples(
        st.integers(0, 5),  # requests now
        st.integers(0, 3),  # more that came and went
        st.booleans(),  # ready
        st.sampled_from(["", "Pending", "Idle", "Failed"]),
        st.integers(1, 40),  # seconds until the next look
    ),
    min_size=1,
    max_size=40,
)


def looks(moments, *, idle=IDLE):
    """What is seen at each look, and the demand that is answered."""
    lease, now, total = None, 0.0, 0
    for requests, more, ready, phase, seconds in moments:
        total += more + requests
        seen = EndpointLook(requests, total, ready, phase, idle)
        lease = leased(lease, seen, now)
        yield now, seen, lease.demand(seen)
        now += seconds


@given(MOMENTS)
def test_it_is_never_less_than_the_requests(moments):
    found = [(seen.requests, demand) for _, seen, demand in looks(moments)]
    assert all(type(demand) is int and demand >= requests for requests, demand in found)


@given(MOMENTS)
def test_once_woken_it_is_not_none_until_the_model_was_there_without_requests_for_so_long(moments):
    """The history says itself when it may be none: an oracle that keeps everything."""
    busy, total = None, 0
    for at, (now, seen, demand) in enumerate(looks(moments)):
        asked = seen.requests or (seen.total != total if at else seen.phase != "Idle")
        total = seen.total
        if asked or (busy is not None and not seen.ready):
            busy = now
        if busy is not None and now - busy < IDLE:
            assert demand >= 1
        else:
            busy = None
            assert demand == 0


@given(MOMENTS, st.integers(1, 10**6))
def test_a_model_that_loads_is_never_given_up_however_long_it_takes(moments, seconds):
    woken = [(1, 0, False, "Idle", seconds), *((0, 0, False, *rest) for _, _, _, *rest in moments)]
    assert all(demand >= 1 for _, _, demand in looks(woken))


@given(MOMENTS)
def test_it_ends_after_the_last_request(moments):
    quiet = [*moments, (0, 0, True, "", IDLE), (0, 0, True, "", IDLE), (0, 0, True, "", 1)]
    *_, (_, _, demand) = looks(quiet)
    assert demand == 0


@given(MOMENTS, MOMENTS)
def test_two_agents_sum_up_to_all_requests_and_one_more_each_at_most(one, two):
    pairs = zip(looks(one), looks(two), strict=False)
    for (_, mine, first), (_, yours, second) in pairs:
        requests = mine.requests + yours.requests
        assert requests <= first + second <= max(requests, 1) + 1


def test_what_nobody_has_requested_is_not_woken_by_an_agent_that_starts():
    assert [demand for *_, demand in looks([(0, 0, False, "Idle", 5)] * 3)] == [0, 0, 0]


def test_an_agent_that_starts_gives_a_model_that_is_there_its_time():
    found = [demand for *_, demand in looks([(0, 0, True, "", 30)] * 4)]
    assert found == [1, 1, 0, 0]


@pytest.mark.parametrize("phase", ["Stopped", "Suspended"])
def test_what_is_stopped_by_hand_has_no_lease(phase):
    found = [demand for *_, demand in looks([(1, 0, False, "", 5), (0, 0, False, phase, 5)])]
    assert found == [1, 0]


def test_without_idle_seconds_it_ends_with_the_last_request():
    moments = [(1, 0, True, "", 5), (0, 0, True, "", 5)]
    assert [demand for *_, demand in looks(moments, idle=0)] == [1, 0]


def table(**tracks):
    """An endpoint with these tracks by letter."""
    targets = [
        {"name": f"team-a/chat/{track}", "host": "chat.team-a.svc", "port": 8000, **more}
        for track, more in tracks.items()
    ]
    models = [{"name": name, "targets": targets} for name in ("chat", "Qwen/Qwen3-32B")]
    return ModelTable.model_validate({"models": models})


def counts(track, *numbers):
    return {f"cluster.team-a/chat/{track}.{what}": number for what, number in zip(CLUSTER_COUNTS, numbers, strict=True)}


HELD = {"fallback": {"host": HOLDER, "port": 8081}}


@pytest.mark.parametrize(("healthy", "ready"), [(0, False), (1, False), (2, True)])
def test_the_agent_that_holds_requests_is_no_replica(healthy, ready):
    tracks = table(a=HELD).tracks("team-a/chat")
    assert seen_of(tracks, {}, counts("a", 0, 0, 0, healthy)).ready is ready


def test_all_tracks_and_names_of_an_endpoint_are_one_sum():
    found = table(a={"idleSeconds": 60, "progress": "Pending"}, b={"idleSeconds": 60}).tracks("team-a/chat")
    numbers = counts("a", 2, 1, 7, 0) | counts("b", 4, 0, 9, 1) | {"cluster.team-a/other/a.upstream_rq_active": 9}
    assert seen_of(found, {"team-a/chat/a": 5, "team-a/other/a": 9}, numbers) == EndpointLook(
        9, 16, True, "Pending", 60
    )
    assert table(a={}).tracks("team-a") == table(a={}).tracks("team-a/other") == []


def test_what_envoy_has_no_numbers_of_yet_has_no_requests():
    assert seen_of(table(a={}).tracks("team-a/chat"), {}, {}) == EndpointLook(0, 0, False, "", 900)
