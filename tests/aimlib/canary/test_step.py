"""The steps of a canary: from how far it is and what is observed to how far it is next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aimlib.api.canary import Canary
from aimlib.canary.figures import UNMEASURED, Figures
from aimlib.canary.step import ENDED, Seen, replicas, step

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
GOOD = Figures(1000, 0, 0.2, 0.02, 3.0)
SLOW = GOOD._replace(time_to_first_token=0.5)
BROKEN = GOOD._replace(errors=200)
FEW = GOOD._replace(requests=20)
SPEC = Canary(enabled=True, steps=({"weight": 10, "seconds": 120}, {"weight": 50, "seconds": 120}))
COPIED = SPEC.model_copy(update={"mirror_percent": 20})


def seen(seconds=0, **what):
    usual = {"id": "new", "stable_track": "a", "desired": 3, "stable_ready": 3, "stable": GOOD, "canary": GOOD}
    return Seen(now=NOON + timedelta(seconds=seconds), **(usual | {"routed": True} | what))


def run(*observations, spec=SPEC, state=None):
    for one in observations:
        state = step(state, spec, one)
    return state


def progressing(**what):
    return run(seen(), seen(10, canary_ready=1, **what))


def copied(**what):
    return run(seen(), seen(10, canary_ready=1, **what), spec=COPIED)


def test_a_new_version_starts_without_requests():
    state = run(seen())
    assert (state.phase, state.weight, state.stable_track) == ("Starting", 0, "a")
    assert replicas(state, SPEC, seen()) == (3, 1)


def test_the_first_ready_replica_brings_the_first_step():
    state = progressing()
    assert (state.phase, state.step, state.weight) == ("Progressing", 1, 10)


def test_a_good_version_passes_every_step_and_replaces_the_former_one_replica_by_replica():
    state, ready, phases, counts = run(seen()), 0, [], []
    for minute in range(1, 20):
        now = seen(60 * minute, canary_ready=ready, stable_ready=3)
        state = step(state, SPEC, now)
        phases.append((state.phase, state.step))
        counts.append(replicas(state, SPEC, now))
        ready = min(ready + 1, counts[-1].canary)
    assert list(dict.fromkeys(phases)) == [
        ("Starting", 0),
        ("Progressing", 1),
        ("Progressing", 2),
        ("Promoting", 2),
        ("Promoted", 2),
    ]
    assert list(dict.fromkeys(counts)) == [(3, 1), (2, 2), (1, 3), (0, 3)]
    assert state.reason == "Promoted"


@pytest.mark.parametrize(("figures", "what"), [(SLOW, "timeToFirstToken"), (BROKEN, "errorRatio")])
def test_a_worse_version_is_ended_within_two_intervals(figures, what):
    state = progressing()
    once = step(state, SPEC, seen(75, canary_ready=1, canary=figures))
    assert (once.phase, once.reason, once.failures) == ("Progressing", "Regressed", 1)
    twice = step(once, SPEC, seen(140, canary_ready=1, canary=figures))
    assert (twice.phase, twice.reason, twice.weight) == ("RolledBack", "Regressed", 0)
    assert what in twice.message
    assert replicas(twice, SPEC, seen()) == (3, 0)


def test_one_good_comparison_forgives_a_failed_one():
    state = run(
        seen(75, canary_ready=1, canary=SLOW),
        seen(140, canary_ready=1),
        seen(205, canary_ready=1, canary=SLOW),
        state=progressing(),
    )
    assert (state.phase, state.failures) == ("Progressing", 1)


@pytest.mark.parametrize(
    ("figures", "reason"), [(UNMEASURED, "NoMetrics"), (FEW, "Inconclusive"), (GOOD._replace(errors=None), "NoMetrics")]
)
def test_a_version_without_enough_figures_is_held(figures, reason):
    state = run(*(seen(60 * at, canary_ready=1, canary=figures) for at in range(2, 200)), state=progressing())
    assert (state.phase, state.step, state.weight, state.reason) == ("Progressing", 1, 10, reason)


def test_a_version_that_never_starts_is_ended_and_has_no_requests():
    problem = {"problem": "the image cannot be pulled"}
    state = run(seen(), seen(70, **problem), seen(140, **problem))
    assert (state.phase, state.reason, state.step, state.message) == (
        "RolledBack",
        "CannotStart",
        0,
        "the image cannot be pulled",
    )


def test_a_problem_that_passes_is_forgiven():
    state = run(seen(), seen(70, problem="no"), seen(140, canary_ready=1))
    assert (state.phase, state.failures) == ("Progressing", 0)


def test_a_problem_counts_once_in_an_interval():
    state = run(seen(), *(seen(at, problem="no") for at in range(60, 110, 5)))
    assert (state.phase, state.failures) == ("Starting", 1)


def test_a_deployment_that_gave_up_ends_it_at_once():
    assert run(seen(), seen(5, problem="no progress", given_up=True)).reason == "CannotStart"


def test_a_version_whose_replica_dies_has_no_requests():
    state = run(seen(20, canary_ready=0), state=progressing())
    assert (state.phase, state.weight) == ("Progressing", 0)
    assert run(seen(25, canary_ready=1), state=state).weight == 10
    assert run(seen(25, problem="crash"), state=progressing()).weight == 0


def test_a_version_whose_replica_keeps_crashing_is_ended():
    state = run(seen(75, problem="crash"), seen(140, problem="crash"), state=progressing())
    assert (state.phase, state.reason) == ("RolledBack", "CannotStart")


def test_without_a_gateway_a_version_takes_over_when_it_is_ready():
    state = run(seen(routed=False), seen(10, routed=False, canary_ready=1, canary=UNMEASURED, stable=UNMEASURED))
    assert (state.phase, state.step, state.weight) == ("Promoting", 0, 0)


def test_promotion_by_hand_is_waited_for():
    by_hand = SPEC.model_copy(update={"promotion": "Manual"})
    state = run(*(seen(60 * at, canary_ready=1) for at in range(20)), spec=by_hand)
    assert (state.phase, state.weight) == ("AwaitingPromotion", 50)
    assert "aim.engine.amd.com/promote: new" in state.message
    assert step(state, by_hand, seen(1300, canary_ready=1, promote="old")).phase == "AwaitingPromotion"
    assert step(state, by_hand, seen(1300, canary_ready=1, promote="new")).phase == "Promoting"
    assert (
        run(
            seen(1300, canary_ready=1, canary=SLOW), seen(1400, canary_ready=1, canary=SLOW), spec=by_hand, state=state
        ).reason
        == "Regressed"
    )
    assert step(state, SPEC, seen(1300, canary_ready=1)).phase == "Promoting"


def test_promotion_by_hand_is_waited_for_without_a_gateway():
    by_hand = SPEC.model_copy(update={"promotion": "Manual"})
    ready = {"routed": False, "canary_ready": 1}
    state = run(seen(), seen(10, **ready), spec=by_hand)
    assert state.phase == "AwaitingPromotion"
    assert step(state, by_hand, seen(20, **ready)).phase == "AwaitingPromotion"
    assert step(state, by_hand, seen(20, **ready, promote="new")).phase == "Promoting"
    assert step(state, SPEC, seen(20, **ready)).phase == "Promoting"


def test_a_person_promotes_before_the_last_step():
    assert run(seen(20, canary_ready=1, promote="new"), state=progressing()).phase == "Promoting"


def test_copies_come_before_the_first_part_of_the_requests():
    state = copied()
    assert (state.phase, state.step, state.weight, state.mirror_percent) == ("Progressing", 1, 0, 20)
    before_its_end = run(seen(75, canary_ready=1), spec=COPIED, state=state)
    assert (before_its_end.step, before_its_end.mirror_percent) == (1, 20)
    after = run(seen(140, canary_ready=1), spec=COPIED, state=before_its_end)
    assert (after.step, after.weight, after.mirror_percent) == (2, 10, None)
    assert after.since == "2026-11-23T12:02:20Z"


def test_a_version_with_copies_passes_every_step_and_takes_over():
    state, ready, phases = None, 0, []
    for minute in range(20):
        now = seen(60 * minute, canary_ready=ready)
        state = step(state, COPIED, now)
        phases.append((state.phase, state.step, state.weight, state.mirror_percent))
        ready = min(ready + 1, replicas(state, COPIED, now).canary)
    assert list(dict.fromkeys(phases))[:4] == [
        ("Starting", 0, 0, None),
        ("Progressing", 1, 0, 20),
        ("Progressing", 2, 10, None),
        ("Progressing", 3, 50, None),
    ]
    assert phases[-1] == ("Promoted", 3, 100, None)


@pytest.mark.parametrize("figures", [SLOW, BROKEN])
def test_a_version_that_is_worse_with_copies_is_ended_before_any_client_has_its_answer(figures):
    once = run(seen(75, canary_ready=1, canary=figures), spec=COPIED, state=copied())
    assert (once.reason, once.failures, once.mirror_percent) == ("Regressed", 1, 20)
    twice = run(seen(140, canary_ready=1, canary=figures), spec=COPIED, state=once)
    assert (twice.phase, twice.reason, twice.step) == ("RolledBack", "Regressed", 1)
    assert (once.weight, twice.weight, twice.mirror_percent) == (0, 0, None)


@pytest.mark.parametrize("figures", [UNMEASURED, FEW, GOOD._replace(errors=None)])
def test_copies_without_enough_figures_go_on(figures):
    now = (seen(60 * at, canary_ready=1, canary=figures) for at in range(2, 200))
    state = run(*now, spec=COPIED, state=copied())
    assert (state.phase, state.step, state.weight, state.mirror_percent) == ("Progressing", 1, 0, 20)


def test_a_version_whose_replica_dies_gets_no_copies():
    state = run(seen(20), spec=COPIED, state=copied())
    assert (state.phase, state.step, state.mirror_percent) == ("Progressing", 1, None)
    assert run(seen(25, canary_ready=1), spec=COPIED, state=state).mirror_percent == 20
    assert run(seen(25, problem="crash"), spec=COPIED, state=copied()).mirror_percent is None


@pytest.mark.parametrize(
    ("what", "phase"),
    [({"promote": "new"}, "Promoting"), ({"abort": "new"}, "RolledBack"), ({"id": "newer"}, "Starting")],
)
def test_copies_end_where_the_step_does(what, phase):
    ready = {"canary_ready": 0 if "id" in what else 1}
    state = run(seen(20, **ready, **what), spec=COPIED, state=copied())
    assert (state.phase, state.mirror_percent) == (phase, None)


def test_a_spec_that_requests_no_copies_any_more_goes_on_with_its_first_step():
    state = run(seen(20, canary_ready=1), state=copied())
    assert (state.phase, state.step, state.weight, state.mirror_percent) == ("Progressing", 1, 10, None)


def test_without_a_gateway_nothing_is_copied():
    ready = {"canary_ready": 1, "canary": UNMEASURED, "stable": UNMEASURED}
    state = run(seen(routed=False), seen(10, routed=False, **ready), spec=COPIED)
    assert (state.phase, state.step, state.mirror_percent) == ("Promoting", 0, None)


def test_the_step_of_the_copies_takes_as_long_as_the_first():
    stated = Canary(
        enabled=True, mirror_percent=5, steps=({"weight": 10, "seconds": 30}, {"weight": 50, "seconds": 90})
    )
    assert [(one.weight, one.seconds, one.mirror_percent) for one in stated.plan] == [
        (0, 30, 5),
        (10, 30, None),
        (50, 90, None),
    ]
    assert [(one.weight, one.seconds) for one in Canary(mirror_percent=100).plan] == [(0, 600), (10, 600)]
    assert Canary(mirror_percent=0, traffic_split=20).plan == Canary(traffic_split=20).plan


@pytest.mark.parametrize("percent", [-1, 101, 0.5, "a"])
def test_a_percentage_that_is_none_is_refused(percent):
    with pytest.raises(ValidationError, match="mirrorPercent"):
        Canary.model_validate({"mirrorPercent": percent})


def test_a_person_ends_it():
    state = run(seen(20, canary_ready=1, abort="new"), state=progressing())
    assert (state.phase, state.reason, state.weight) == ("RolledBack", "RolledBack", 0)


def test_another_spec_begins_anew():
    state = run(seen(30, id="newer", canary_ready=1), state=progressing())
    assert (state.id, state.phase, state.step) == ("newer", "Progressing", 1)
    assert run(seen(30, id="newer"), state=progressing()).phase == "Starting"


def test_a_version_that_fails_while_it_takes_over_is_ended():
    state = run(seen(), seen(10, routed=False, canary_ready=1))
    crash = {"routed": False, "canary_ready": 1, "problem": "crash"}
    state = run(seen(80, **crash), seen(150, **crash), state=state)
    assert (state.phase, state.reason) == ("RolledBack", "CannotStart")


def test_an_end_stays():
    state = run(seen(), seen(5, problem="no", given_up=True))
    assert run(seen(9000, canary_ready=3), state=state) == state


def test_without_replicas_it_waits_and_then_goes_on_where_it_was():
    before = progressing()
    idle = run(seen(3600, desired=0, stable_ready=0), state=before)
    assert (idle.phase, idle.step, idle.weight) == ("Progressing", 1, 0)
    assert replicas(idle, SPEC, seen(3600, desired=0)) == (0, 0)
    again = run(seen(3700, canary_ready=1, stable=FEW, canary=FEW), state=idle)
    assert (again.phase, again.step, again.weight) == ("Progressing", 1, 10)
    assert run(seen(3600, desired=0, abort="new"), state=before).phase == "RolledBack"
    assert run(seen(3600, desired=0, promote="new"), state=before).phase == "Progressing"


def test_the_fields_of_the_earlier_api_are_one_step():
    [one] = Canary(enabled=True, traffic_split=25, duration=30).plan
    assert (one.weight, one.seconds) == (25, 30)
    [usual] = Canary(enabled=True).plan
    assert (usual.weight, usual.seconds) == (10, 600)
    assert Canary(traffic_split=0).plan[0].weight == 1


figures = st.builds(
    Figures,
    requests=st.sampled_from([None, 0, 20, 1000]),
    errors=st.sampled_from([None, 0, 1, 500]),
    time_to_first_token=st.sampled_from([None, 0.2, 0.9]),
    inter_token_latency=st.sampled_from([None, 0.02]),
    end_to_end_latency=st.sampled_from([None, 3.0, 9.0]),
)
observed = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["new", "new", "new", "newer"]),
        "desired": st.integers(0, 4),
        "stable_ready": st.integers(0, 4),
        "canary_ready": st.integers(0, 5),
        "problem": st.sampled_from(["", "", "", "crash"]),
        "routed": st.booleans(),
        "stable": figures,
        "canary": figures,
        "promote": st.sampled_from(["", "", "", "new"]),
        "abort": st.sampled_from(["", "", "", "", "new"]),
    }
)
passing = st.lists(st.tuples(st.sampled_from([0, 1, 30, 60, 3600]), observed), min_size=1, max_size=12)
specs = st.builds(
    Canary,
    enabled=st.just(True),
    steps=st.sampled_from([(), SPEC.steps, ({"weight": 100, "seconds": 0},)]),
    mirror_percent=st.sampled_from([0, 0, 1, 100]),
    replicas=st.integers(1, 3),
    promotion=st.sampled_from(["Automatic", "Manual"]),
)


def enough(now, spec):
    """Whether both versions had as many requests as a comparison needs."""
    return min(now.stable.requests or 0, now.canary.requests or 0) >= spec.analysis.min_requests


@given(specs, passing)
def test_whatever_is_observed(spec, observations):
    state, seconds = None, 0
    for passed, what in observations:
        seconds += passed
        now = seen(seconds, **what)
        before, state = state, step(state, spec, now)
        assert step(state, spec, now) == state, "a second call changes nothing"
        counts = replicas(state, spec, now)
        assert counts.canary <= now.desired
        assert counts.stable + min(counts.canary, now.canary_ready) >= now.desired or state.phase == "Promoted"
        assert not state.weight or state.phase == "Promoted" or now.canary_ready, "no requests without a ready pod"
        assert state.mirror_percent is None or now.canary_ready, "no copies without a ready pod"
        assert state.mirror_percent is None or not state.weight, "copies come before the first part of the requests"
        assert state.mirror_percent in {None, spec.mirror_percent}
        if before and before.id == state.id and before.mirror_percent and state.weight:
            assert enough(now, spec) or now.promote == state.id, "answers of a version without figures of its copies"
        if before and before.id == state.id and before.phase in ENDED:
            assert state == before
        promoted = state.phase in {"Promoting", "Promoted"}
        came = promoted and not (before and before.id == state.id and before.phase in {"Promoting", "Promoted"})
        assert not came or not now.routed or enough(now, spec) or now.promote == state.id, "promoted on missing figures"


def test_times_of_a_status_that_are_none_are_written_anew():
    forged = progressing().model_copy(update={"since": "2026-11-23t12:00:10z", "checked_at": "2026-11-23t12:00:10z"})
    state = step(forged, SPEC, seen(20, canary_ready=1))
    assert state.checked_at == "2026-11-23T12:00:20Z"


@given(specs, st.sampled_from([GOOD, SLOW, BROKEN]), st.booleans())
def test_it_ends(spec, figures, routed):
    spec, state, ready = spec.model_copy(update={"promotion": "Automatic"}), None, 0
    for minute in range(60):
        now = seen(60 * minute, canary=figures, canary_ready=ready, routed=routed)
        state = step(state, spec, now)
        ready = replicas(state, spec, now).canary
    worse = routed and figures is not GOOD
    assert state.phase == ("RolledBack" if worse else "Promoted")


@given(st.sampled_from([SPEC, COPIED]), st.lists(observed, min_size=1, max_size=6), observed)
def test_an_hour_without_the_hook_is_one_step(spec, before, after):
    state = None
    for at, what in enumerate(before):
        state = step(state, spec, seen(60 * at, **what))
    later = step(state, spec, seen(60 * len(before) + 3600, **after))
    if later.id == state.id:
        assert later.step <= max(state.step + 1, 1)
        assert later.failures <= state.failures + 1
