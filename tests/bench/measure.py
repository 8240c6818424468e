"""Timing: contestants take turns, so that whatever else the machine does falls on all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Taken = TypeVar("Taken")
LEAST_TURNS = 5


def turns(contestants: Mapping[str, Callable[[int], Taken]], seconds: float) -> dict[str, list[Taken]]:
    """What each contestant returned in each of its turns, A B A B …, until the time is over."""
    found: dict[str, list[Taken]] = {name: [] for name in contestants}
    over, number = time.monotonic() + seconds, 0
    while number < LEAST_TURNS or time.monotonic() < over:
        for name, play in contestants.items():
            found[name].append(play(number))
        number += 1
    return found


def timed(work: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cpu(work: Callable[[], object]) -> float:
    """Seconds of the processor that one call in this process takes, which a busy machine distorts least."""
    began = time.process_time()
    work()
    return time.process_time() - began


def p50(samples: Sequence[float]) -> float:
    return statistics.median(samples)


def p99(samples: Sequence[float]) -> float:
    """The value that one in a hundred exceeds; of few samples, the largest."""
    return sorted(samples)[min(int(len(samples) * 0.99), len(samples) - 1)]
