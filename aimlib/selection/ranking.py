"""Ranks the candidates that fit, by named terms with explanations."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from aimlib.api.recipe import Measurement
from aimlib.selection.candidates import Case, format_gpus
from aimlib.selection.gpu_memory import required_memory


class Term(NamedTuple):
    """One term of a candidate's score; lower keys rank first."""

    name: str
    key: float
    text: str


MeasuredValue = Callable[[Measurement, int], float | None]
"""A value of a measurement, for a number of devices; lower is better."""


def _negative(value: float | None, divisor: int = 1) -> float | None:
    return None if value is None else -value / divisor


GOALS: dict[str, tuple[MeasuredValue, str]] = {
    "latency": (lambda one, _: one.latency_ms, "{:g} ms per token"),
    "throughput": (lambda one, _: _negative(one.tokens_per_second), "{:g} tokens/s"),
    "cost": (lambda one, devices: _negative(one.tokens_per_second, devices), "{:g} tokens/s per GPU"),
}


def _values(case: Case, measured: MeasuredValue) -> dict[str, tuple[float, Measurement]]:
    """The best value of a candidate by workload."""
    found: dict[str, tuple[float, Measurement]] = {}
    for measurement in case.configuration.measurements:
        value = measured(measurement, max(case.configuration.gpu_count, 1))
        if value is not None and (measurement.workload not in found or value < found[measurement.workload][0]):
            found[measurement.workload] = (value, measurement)
    return found


def common_workload(cases: Iterable[Case], goal: str) -> str | None:
    """The workload that most candidates were measured with; values of different workloads are not compared."""
    measured, _ = GOALS[goal]
    counts = Counter(workload for case in cases for workload in _values(case, measured))
    return min(counts, key=lambda workload: (-counts[workload], workload), default=None)


def _measured(case: Case, goal: str, workload: str | None) -> Term:
    measured, template = GOALS[goal]
    found = _values(case, measured).get(workload or "")
    if found is None:
        return Term(goal, float("inf"), "no published measurement")
    value, measurement = found
    return Term(goal, value, f"{template.format(abs(round(value, 2)))} ({measurement.workload}; {measurement.source})")


def _checked(case: Case) -> Term:
    if case.recipe.facts is None:
        return Term("memory", 1, "not checked: the recipe has no facts")
    launch = case.launch
    needed = required_memory(case.recipe.facts, launch.parallel, launch.max_length, launch.cache_bytes)
    largest = max(one.memory_gib for one in case.classes)
    return Term("memory", 0, f"{needed.total:.1f} of {launch.usable(largest):.1f} GiB per device")


def _context(case: Case) -> Term:
    return Term("context", -case.launch.max_length, f"{case.launch.max_length} tokens")


def _devices(case: Case) -> Term:
    return Term("gpus", case.configuration.gpu_count, format_gpus(case.configuration.gpu_count))


def score(case: Case, goal: str | None, workload: str | None) -> tuple[Term, ...]:
    """The terms of one candidate, most important first; candidates with equal terms are ranked by name."""
    measured = (_measured(case, goal, workload),) if goal else ()
    return (_checked(case), *measured, _devices(case), _context(case))


def ranked(cases: list[Case], goal: str | None) -> list[tuple[Case, tuple[Term, ...]]]:
    """The candidates, best first, each with its score; independent of their order."""
    workload = common_workload(cases, goal) if goal else None
    scored = [(case, score(case, goal, workload)) for case in cases]
    return sorted(scored, key=lambda row: ([term.key for term in row[1]], *_last(row[0])))


def _last(case: Case) -> tuple[bool, str, int]:
    """What decides between candidates with equal terms: a recipe comes before what is derived."""
    return bool(case.derived_from), case.name, case.configuration.gpu_count
