"""Headroom by the own past: bounded, in small steps upwards, at once downwards, and at rest where nothing changes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimlib.api.scaling import Headroom, Scaling
from aimlib.kube.timestamp import format_timestamp
from aimlib.scaling.headroom import USUAL_HEADROOM, follows_past, headroom_of, replay_is_due, with_headroom
from aimlib.scaling.policies import LEAST_TARGET, MOST_TARGET, STEP_PERCENT

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LOADS = st.lists(st.sampled_from([1.0, 5.0, 24.0, 60.0, 200.0]), min_size=4, max_size=12)


def samples(loads, count=144):
    return {600.0 * at: loads[at % len(loads)] for at in range(count)}


@settings(max_examples=10, deadline=None)
@given(LOADS, st.sampled_from([60, 600, 1800]), st.integers(LEAST_TARGET, MOST_TARGET))
def test_it_is_bounded_and_comes_to_rest(loads, startup, before):
    former, found = Headroom(target_utilization=before), []
    for _ in range(14):
        former = headroom_of(former, samples(loads), 24, startup, NOW)
        found.append(former.target_utilization)
        assert LEAST_TARGET <= former.target_utilization <= MOST_TARGET
    assert len({*found[-2:]}) == 1
    assert all(later - earlier <= STEP_PERCENT for earlier, later in zip([before, *found], found, strict=False))


def test_a_jump_that_replicas_are_late_for_lowers_the_use_at_once():
    calm = headroom_of(None, samples([50.0]), 24, 1800, NOW)
    assert calm.target_utilization == USUAL_HEADROOM.target_utilization + STEP_PERCENT
    found = headroom_of(calm, samples([*[100.0] * 40, *[200.0] * 40]), 24, 1800, NOW)
    assert found.target_utilization < USUAL_HEADROOM.target_utilization
    assert found.observed_overload > found.expected_overload


def test_what_no_headroom_helps_is_said():
    found = headroom_of(None, samples([2.0] * 6 + [400.0] * 6), 24, 3600, NOW)
    assert found.target_utilization == LEAST_TARGET
    assert "a start-up of less than 1h helps more" in found.advice


def test_too_little_traffic_leaves_it_as_it_was():
    former = Headroom(target_utilization=55, as_of="2026-11-29T12:00:00Z")
    found = headroom_of(former, samples([3.0], 10), 24, 600, NOW)
    assert found == former.model_copy(update={"message": found.message})
    assert "there are 10" in found.message


@pytest.mark.parametrize(
    ("hours", "due"), [(None, True), (0, False), (23.9, False), (24, True), (-1, True), ("x", True)]
)
def test_it_is_due_once_a_day(hours, due):
    as_of = format_timestamp(NOW - timedelta(hours=hours)) if isinstance(hours, int | float) else hours
    assert replay_is_due(as_of, NOW) is due


@pytest.mark.parametrize(("percent", "target"), [(80, 24), (40, 12), (95, 28)])
def test_the_target_is_that_of_the_spec_at_the_usual_use(percent, target):
    assert with_headroom(24, Headroom(target_utilization=percent)) == target
    assert with_headroom(24, None) == 24
    assert with_headroom(1, Headroom(target_utilization=percent)) == 1


def test_without_scaling_nothing_follows_the_past():
    assert not follows_past(None)
    assert not follows_past(Scaling())
    assert follows_past(Scaling(headroom="Auto"))
