"""What was measured while a load came: a series of each thing, in steps of the same length, and a file of them."""

import os
import platform
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from statistics import quantiles
from typing import Any

import yaml

from tests.autoscalers.picture import SOURCE as FILE
from tests.autoscalers.served import ready_replicas
from tests.autoscalers.trace import Answer
from tests.cluster import keda
from tests.cluster.rounds import rounds
from tests.e2e.space import Space
from tests.monitoring.prometheus import Prometheus

HEAD = """\
# What was measured of an endpoint while a public trace was replayed to it. `RECORD=1 python -m tests.autoscalers -k
# recorded` writes it, and `make docs` draws it for docs/use/scale.md. A series has one value for each step; what
# requests show is that of those that began within the last {window} s.
"""
STEP_SECONDS = 5
WINDOW_SECONDS = 15
"""Of what requests show: one step has a handful of them."""
LOOK_SECONDS = 1.0
Points = Sequence[tuple[float, float]]
"""Pairs of a time and a value, in order."""


class Replicas:
    """How many replicas were requested and ready, look by look."""

    def __init__(self) -> None:
        self.wanted: list[tuple[float, float]] = []
        self.ready: list[tuple[float, float]] = []


@contextmanager
def looking(space: Space, name: str) -> Iterator[Replicas]:
    """What there is of an endpoint's replicas as long as the context lasts."""
    found = Replicas()

    def look() -> None:
        now = time.time()
        found.wanted.append((now, space.get("aimendpoint", name)["spec"].get("replicas", 1)))
        found.ready.append((now, ready_replicas(space, name)))

    look()
    with rounds("replicas", LOOK_SECONDS, look):
        yield found


def in_steps(points: Points, start: float, steps: int) -> list[float]:
    """The last value at the end of each step; 0 before the first."""
    times = [at for at, _ in points]
    found = []
    for number in range(steps):
        before = bisect_right(times, start + (number + 1) * STEP_SECONDS)
        found.append(points[before - 1][1] if before else 0)
    return found


def measured(prometheus: Prometheus, space: Space, name: str, metric: str, start: float) -> Points:
    """A recorded series of an endpoint since then."""
    series = f'{metric}{{namespace="{space.namespace}",aimendpoint="{name}"}}'
    found = prometheus.query_range(series, int(time.time() - start) + STEP_SECONDS, 1)
    return [(float(at), float(value)) for one in found for at, value in one["values"]]


def of_requests(answers: Iterable[Answer], steps: int) -> dict[str, list[float | None]]:
    """How many came per second, and the median and 95th percentile of their times to first token; None without any."""
    ordered = sorted(answers)
    found: dict[str, list[float | None]] = {"requests": [], "firstTokenP50": [], "firstTokenP95": []}
    for number in range(steps):
        end = (number + 1) * STEP_SECONDS
        window = [one for one in ordered if end - WINDOW_SECONDS <= one.began < end]
        first = [one.first_token for one in window if one.first_token is not None]
        cuts = quantiles(first, n=20, method="inclusive") if len(first) > 1 else None
        found["requests"].append(round(len(window) / min(end, WINDOW_SECONDS), 2))
        found["firstTokenP50"].append(round(cuts[9], 2) if cuts else None)
        found["firstTokenP95"].append(round(cuts[18], 2) if cuts else None)
    return found


def about(trace_hours: float, load_seconds: float, requests: int) -> dict[str, Any]:
    """When and on what it was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB",
        "keda": keda.VERSION.rpartition("@v")[2],
        "traceHours": trace_hours,
        "loadSeconds": load_seconds,
        "requests": requests,
    }


def write(about: dict[str, Any], series: dict[str, Sequence[float | None]]) -> None:
    """The file, a line for each series."""
    whole = {"about": about, "stepSeconds": STEP_SECONDS, "series": series}
    text = yaml.safe_dump(whole, default_flow_style=None, sort_keys=False, width=10_000)
    FILE.write_text(HEAD.format(window=WINDOW_SECONDS) + text, encoding="utf-8")
