"""The replay of a load with replicas that an autoscaler sets, and that take a while to start.

A replica is started when the load of the last minutes asks for it, and serves after the start-up time; until then it
costs already. What exceeds the replicas that serve is overload. One step is a minute.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from aimlib.scaling.traffic import STEP_SECONDS

LEFT_AS_IT_IS = 0.1
"""An autoscaler leaves a difference so small as it is (HorizontalPodAutoscaler)."""
SEEN_SECONDS = 300
"""How long the highest of its desires counts before it scales down, and the window of the rates that it sees."""
SEEN_STEPS = SEEN_SECONDS // STEP_SECONDS


class ReplayOutcome(NamedTuple):
    """What a policy would have come to."""

    overload: float
    """Part of the load that exceeded the replicas that served."""
    cost: float
    """Replicas by time, as a multiple of the least that would do: the load itself, without any room."""
    replicas: float
    """The mean number of replicas, those that start included."""


class Ahead(NamedTuple):
    """What is prepared for, whatever is measured, by the step."""

    load: Callable[[int], float] = lambda _: 0.0
    replicas: Callable[[int], int] = lambda _: 1


AHEAD = Ahead()
"""Nothing is, and there is always a replica."""


def smoothed(loads: Sequence[float]) -> list[float]:
    """What an autoscaler sees at each step: the mean of the last minutes."""
    sums = [0.0, *accumulate(loads)]
    return [(sums[at + 1] - sums[max(at + 1 - SEEN_STEPS, 0)]) / min(at + 1, SEEN_STEPS) for at in range(len(loads))]


def replay(
    loads: Sequence[float], startup_seconds: float, targets: Sequence[float], ahead: Ahead = AHEAD
) -> ReplayOutcome:
    """The outcome for a load by the minute, in units of what one replica takes at full use.

    `targets` is the use of a replica that the autoscaler aims at: one number for each day, the last for all after it.
    """
    delay, day = math.ceil(startup_seconds / STEP_SECONDS), 24 * 3600 // STEP_SECONDS
    seen = smoothed(loads)
    current = serving = _needed(max(seen[0], ahead.load(0)), targets[0], ahead.replicas(0))
    coming: deque[tuple[int, int]] = deque()
    desires: deque[int] = deque(maxlen=SEEN_STEPS + 1)
    over = paid = 0.0
    for at, load in enumerate(loads):
        while coming and coming[0][0] <= at:
            serving += coming.popleft()[1]
        target = targets[min(at // day, len(targets) - 1)]
        expected, least = max(seen[at], ahead.load(at)), ahead.replicas(at)
        near = abs(expected / (current * target) - 1) <= LEFT_AS_IT_IS
        desires.append(max(current, least) if near else _needed(expected, target, least))
        desired = desires[-1] if desires[-1] > current else min(current, max(desires))
        if desired > current:
            coming.append((at + delay, desired - current))
            while coming and coming[0][0] <= at:
                serving += coming.popleft()[1]
        else:
            serving -= _removed(coming, current - desired)
        current = desired
        paid += current
        over += max(load - serving, 0.0)
    whole = sum(loads)
    return ReplayOutcome(over / whole, paid / whole, paid / len(loads))


def _needed(load: float, target: float, least: int) -> int:
    return max(math.ceil(load / target - 1e-9), least, 1)


def _removed(coming: deque[tuple[int, int]], count: int) -> int:
    """How many of those that serve have to go: the ones that start go first, the newest of them before."""
    while count and coming:
        at, starting = coming.pop()
        if starting > count:
            coming.append((at, starting - count))
        count -= min(starting, count)
    return count
