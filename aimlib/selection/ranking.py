"""Ranks the candidates that fit, by named terms with explanations."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aimlib.selection.cache_capacity import left_for_cache
from aimlib.selection.candidates import Case, format_gpus, seen_gib
from aimlib.selection.gpu_memory import required_memory
from aimlib.selection.speed_rules import estimated, milliseconds, three_digits
from aimlib.selection.speeds import Estimate


class Term(NamedTuple):
    """One term of a candidate's score; lower keys rank first."""

    name: str
    key: float
    text: str


ENGINE_RATES = {"vllm": 1.0, "sglang": 0.84}
"""Tokens per second of an engine by those of vLLM: the geometric mean of the pairs in the shipped recipes, which were
measured for the same model, GPUs and workload. They range from 0.29 to 1.27, so this decides between equals only."""
UNPREDICTED = "no prediction"
"""What is said of the speed of a candidate without facts, or on hardware whose speed is not published."""


def _checked(case: Case) -> Term:
    facts, launch = case.recipe.facts, case.launch
    if facts is None:
        return Term("memory", 1, "not checked: the recipe has no facts")
    largest = max(map(seen_gib, case.classes))
    needed = required_memory(facts, launch.layout, largest)
    cache = left_for_cache(needed, launch, largest)
    return Term("memory", 0, f"{needed.total:.1f} of {launch.usable(largest):.1f} GiB per device ({cache})")


def _devices(case: Case) -> Term:
    return Term("gpus", case.configuration.gpu_count, format_gpus(case.configuration.gpu_count))


def _weights(case: Case) -> Term:
    own = case.recipe.loaded == case.recipe.model_id
    return Term("weights", int(not own), "the model's own" if own else case.recipe.loaded)


def _context(case: Case) -> Term:
    return Term("context", -case.launch.max_length, f"{case.launch.max_length} tokens")


def _engine(case: Case) -> Term:
    rate = ENGINE_RATES[case.recipe.backend]
    return Term("engine", -rate, f"{case.recipe.backend}, {rate:g} of vLLM's tokens/s in the mean of published pairs")


def _rounded(value: float) -> float:
    """Three digits that count: the same as is said, so that nothing is decided by what nobody sees."""
    return float(f"{value:.3g}")


def _speed(case: Case, found: Estimate) -> Term:
    rate = _rounded(found.throughput / (case.devices * case.replicas))
    said = f"{three_digits(rate)} tokens/s per GPU ({found.rate_source}; {case.speeds.workload})"
    return Term("speed", -rate, said)


def _latency(case: Case, found: Estimate, _: float | None) -> Term:
    said = f"{milliseconds(found.of_request)} ms per token, the first after {milliseconds(found.first_token)} ms"
    source = f"({found.time_source}; {case.speeds.workload})"
    return Term("latency", _rounded(found.of_request), f"{said} {source}")


def _throughput(case: Case, found: Estimate, _: float | None) -> Term:
    said = f"{three_digits(found.throughput)} tokens/s{_together(case)} ({found.rate_source}; {case.speeds.workload})"
    return Term("throughput", -_rounded(found.throughput), said)


def _cost(case: Case, found: Estimate, price: float | None) -> Term:
    source = f"({found.rate_source}; {case.speeds.workload})"
    per_gpu = found.throughput / (case.devices * case.replicas)
    if price is None:
        return Term("cost", -_rounded(per_gpu), f"{three_digits(per_gpu)} tokens/s per GPU {source}")
    million = price / (per_gpu * 3600 / 1e6)
    said = f"{three_digits(million)} per million tokens at {price:g} per GPU hour"
    return Term("cost", _rounded(million), f"{said} {source}")


def _together(case: Case) -> str:
    return f" of {case.replicas} replicas" if case.replicas > 1 else ""


GOALS: dict[str, Callable[[Case, Estimate, float | None], Term]] = {
    "latency": _latency,
    "throughput": _throughput,
    "cost": _cost,
}
"""The term of each goal."""


def _prices(cases: Sequence[Case]) -> dict[str, float]:
    """The price of a GPU hour by product; none unless every product of the candidates has one."""
    prices, products = cases[0].config.gpu_hour_prices if cases else {}, {case.recipe.hardware for case in cases}
    return dict(prices) if products <= {*prices} else {}


class Row(NamedTuple):
    """A candidate with its score."""

    case: Case
    terms: tuple[Term, ...]
    rate: float
    """Tokens per second, not rounded: what decides between candidates whose terms are all equal."""

    @property
    def key(self) -> tuple[tuple[float, ...], float]:
        """What it is ranked by, before the name."""
        return tuple(term.key for term in self.terms), -self.rate


def score(case: Case, goal: str | None, prices: dict[str, float]) -> Row:
    """The terms of one candidate, most important first."""
    found = estimated(case)
    unknown = float("inf")
    speed = _speed(case, found) if found else Term("speed", unknown, UNPREDICTED)
    first: tuple[Term, ...] = ()
    if goal:
        price = prices.get(case.recipe.hardware)
        first = (GOALS[goal](case, found, price) if found else Term(goal, unknown, UNPREDICTED),)
    terms = (_checked(case), *first, _devices(case), _weights(case), speed, _context(case), _engine(case))
    return Row(case, terms, found.throughput if found else 0.0)


def ranked(cases: list[Case], goal: str | None) -> list[Row]:
    """The candidates, best first; independent of their order.

    A recipe comes before what is derived and equal, and names decide only where every number is equal, too.
    """
    prices = _prices(cases)
    rows = [score(case, goal, prices) for case in cases]
    return sorted(rows, key=_order)


def _order(row: Row) -> tuple[tuple[tuple[float, ...], float], bool, str, int]:
    return row.key, bool(row.case.derived_from), row.case.name, row.case.configuration.gpu_count
