"""What the conditions of an endpoint say, where no golden case shows it."""

from hypothesis import given
from hypothesis import strategies as st

from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import Rollout
from hooks.endpoint.conditions import degraded, without_serving

COUNTS = st.integers(0, 20)


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.booleans())
def test_a_cause_is_the_same_whatever_number_of_replicas_serves(desired, ready, current, updated, about_pods):
    cause = Verdict("Available", False, "CrashLoop", "container engine ended with exit code 1; it logged nothing")
    problem = (cause.reason, cause.message) if about_pods else None
    found = Rollout(current, updated, ready, ready, up_to_date=True, problem=problem)
    assert without_serving(degraded(cause, desired, found).message) == cause.message
