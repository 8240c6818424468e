"""Pieces of queries that several dashboards share."""

from tests.dashboards.panels import ORANGE, RED

FIRING = 'ALERTS{alertstate="firing",alertname=~"AIM.*"'
"""Our alerts that fire; further labels and the closing brace follow."""
NONE = " or vector(0)"
"""Says 0 where there is no series at all."""

ANY = ((1, ORANGE),)
"""One is worth a look."""
BAD = ((1, RED),)
"""One is one too many."""
NEARLY_FULL = ((0.8, ORANGE), (0.9, RED))


def since(prefix: str, selector: str) -> str:
    """How long objects have not been ready, in seconds, with the reason; stopped ones are as they are wanted."""
    identity = f"namespace, aim{prefix}"
    unready = f'aim_{prefix}_status_condition{{type="Ready",reason!~"Stopped|Suspended|Idle",{selector}}} == 0'
    changed = f'aim_{prefix}_status_condition_last_transition_timestamp_seconds{{type="Ready",{selector}}}'
    return (
        f"(time() - max by ({identity}) ({changed})) * on ({identity}) group_right () "
        f"(max by ({identity}, reason) ({unready}) + 1)"
    )
