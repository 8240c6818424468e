"""Ranks the candidates that fit, by named terms with explanations.

A term is a key, by which all are ranked, and words, for those that are listed.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aimlib.selection.cache_capacity import cache_capacity, capacity_of
from aimlib.selection.candidates import Case, format_gpus
from aimlib.selection.parts import gpus_used, tokens_of_workload
from aimlib.selection.room import lacking_replicas, room_text
from aimlib.selection.speed_rules import estimated, milliseconds, three_digits
from aimlib.selection.speeds import Estimate

ENGINE_RATES = {"vllm": 1.0, "sglang": 0.84}
"""Tokens per second of an engine by those of vLLM: the geometric mean of the pairs in the shipped recipes, which were
measured for the same model, GPUs and workload. They range from 0.29 to 1.27, so this decides between equals only."""
UNPREDICTED = "no prediction"
"""What is said of the speed of a candidate without facts, or on hardware whose speed is not published."""


class Scored(NamedTuple):
    """A candidate, and what its score is computed from."""

    case: Case
    found: Estimate | None
    price: float | None
    """The price of a GPU hour; None unless every product of the candidates has one."""


class Term(NamedTuple):
    """One term of a score; lower keys rank first."""

    name: str
    key: Callable[[Scored], float]
    words: Callable[[Scored], str]


class Row(NamedTuple):
    """A candidate with its score."""

    scored: Scored
    terms: tuple[Term, ...]
    key: tuple[tuple[float, ...], float]
    """What it is ranked by, before the name: its terms, then tokens per second, which are not rounded."""

    @property
    def case(self) -> Case:
        return self.scored.case

    @property
    def texts(self) -> dict[str, str]:
        """The terms in words, by name, most important first."""
        return {term.name: term.words(self.scored) for term in self.terms}


def _memory(one: Scored) -> str:
    launch, largest = one.case.launch, one.case.largest_gib
    if launch.required is None:
        return "not checked: the recipe has no facts"
    needed, usable = launch.required(largest), launch.usable(largest)
    adapters = f"adapters: {needed.adapters:.1f} GiB; " if needed.adapters else ""
    return f"{needed.total:.1f} of {usable:.1f} GiB per device ({adapters}{cache_capacity(launch, largest)})"


def _gpus(one: Scored) -> str:
    count, used = one.case.configuration.gpu_count, gpus_used(one.case)
    if used == count:
        return format_gpus(count)
    kind = "share" if one.case.share_gib is not None else "partition"
    return f"{count} {kind}{'s' * (count > 1)}, {used:.3g} of a GPU"


def _own_weights(one: Scored) -> bool:
    return one.case.recipe.loaded == one.case.recipe.model_id


def _is_cramped(one: Scored) -> bool:
    """Whether the KV cache of what is derived has no room for the workload: a recipe has what its author chose."""
    found = capacity_of(one.case) if one.case.derived_from else None
    return found is not None and found.tokens < tokens_of_workload(one.case)


def _weights(one: Scored) -> str:
    if not _own_weights(one):
        return one.case.recipe.loaded
    return "the model's own" + ", with too little KV cache for the workload" * _is_cramped(one)


def _engine(one: Scored) -> str:
    name = one.case.recipe.backend
    return f"{name}, {ENGINE_RATES[name]:g} of vLLM's tokens/s in the mean of published pairs"


def _rounded(value: float) -> float:
    """Three digits that count: the same as is said, so that nothing is decided by what nobody sees."""
    return float(f"{value:.3g}")


def _per_gpu(one: Scored, found: Estimate) -> float:
    """Tokens per second by the GPUs that all replicas take: a partition is a part of one."""
    return found.throughput / ((gpus_used(one.case) or 1) * one.case.replicas)


def _per_million(one: Scored, found: Estimate) -> float | None:
    """The price of a million output tokens."""
    return one.price / (_per_gpu(one, found) * 3600 / 1e6) if one.price is not None else None


def _cost_key(one: Scored, found: Estimate) -> float:
    million = _per_million(one, found)
    return -_rounded(_per_gpu(one, found)) if million is None else _rounded(million)


def _cost(one: Scored, found: Estimate) -> str:
    million = _per_million(one, found)
    if million is None:
        return f"{three_digits(_per_gpu(one, found))} tokens/s per GPU {_of(one, found.rate.source)}"
    price = f"{three_digits(million)} per million tokens at {one.price:g} per GPU hour"
    return f"{price} {_of(one, found.rate.source)}"


def _latency(one: Scored, found: Estimate) -> str:
    times = f"{milliseconds(found.of_request)} ms per token, the first after {milliseconds(found.first_token)} ms"
    return f"{times} {_of(one, found.time.source)}"


def _throughput(one: Scored, found: Estimate) -> str:
    together = f" of {one.case.replicas} replicas" if one.case.replicas > 1 else ""
    return f"{three_digits(found.throughput)} tokens/s{together} {_of(one, found.rate.source)}"


def _speed(one: Scored, found: Estimate) -> str:
    return f"{three_digits(_rounded(_per_gpu(one, found)))} tokens/s per GPU {_of(one, found.rate.source)}"


def _of(one: Scored, source: str) -> str:
    """Where a figure is from, and of which workload it is."""
    return f"({source}; {one.case.speeds.workload})"


def _predicted(name: str, key: Callable[[Scored, Estimate], float], words: Callable[[Scored, Estimate], str]) -> Term:
    """A term of predicted speed; what cannot be predicted comes last."""
    return Term(
        name,
        lambda one: key(one, one.found) if one.found else float("inf"),
        lambda one: words(one, one.found) if one.found else UNPREDICTED,
    )


MEMORY = Term("memory", lambda one: int(one.case.launch.required is None), _memory)
ROOM = Term("room", lambda one: lacking_replicas(one.case), lambda one: room_text(one.case))
"""Replicas without room at the selection: a term where somebody looked, after the memory and before the goal."""
USUAL_TERMS = (
    Term(
        "gpus",
        lambda one: gpus_used(one.case),
        _gpus,
    ),
    Term(
        "weights",
        lambda one: int(not _own_weights(one) or _is_cramped(one)),
        _weights,
    ),
    _predicted("speed", lambda one, found: -_rounded(_per_gpu(one, found)), _speed),
    Term("context", lambda one: -one.case.launch.max_length, lambda one: f"{one.case.launch.max_length} tokens"),
    Term("engine", lambda one: -ENGINE_RATES[one.case.recipe.backend], _engine),
)
"""The terms after that of the goal, most important first; memory that could be checked and room are before it."""
GOALS = {
    "latency": _predicted("latency", lambda _, found: _rounded(found.of_request), _latency),
    "throughput": _predicted("throughput", lambda _, found: -_rounded(found.throughput), _throughput),
    "cost": _predicted("cost", _cost_key, _cost),
}
"""The term of each goal."""


def _prices(cases: Sequence[Case]) -> dict[str, float]:
    """The price of a GPU hour by the product of a recipe; none unless every product of the candidates has one."""
    stated = cases[0].config.gpu_hour_prices if cases else {}
    if not stated:
        return {}
    known = cases[0].products
    prices = {found.name: price for name, price in stated.items() if (found := known.product(name))}
    names = {case.recipe.hardware: case.hardware.name for case in cases if case.hardware}
    return {written: prices[name] for written, name in names.items()} if {*names.values()} <= {*prices} else {}


def score(case: Case, terms: tuple[Term, ...], price: float | None = None) -> Row:
    """The terms of one candidate."""
    found = estimated(case)
    scored = Scored(case, found, price)
    keys = tuple([term.key(scored) for term in terms])
    return Row(scored, terms, (keys, -found.throughput if found else 0.0))


def ranked(cases: list[Case], goal: str | None) -> list[Row]:
    """The candidates, best first; independent of their order.

    A recipe comes before what is derived and equal, and names decide only where every number is equal, too.
    """
    room = [ROOM] if any(case.room.free for case in cases) else []
    terms, prices = (MEMORY, *room, *([GOALS[goal]] if goal else ()), *USUAL_TERMS), _prices(cases)
    rows = [score(case, terms, prices.get(case.recipe.hardware)) for case in cases]
    return sorted(rows, key=_order)


def preferred(rows: Sequence[Row]) -> Row:
    """The candidate that would be the first of ranked ones if all devices were free."""
    if ROOM not in rows[0].terms:
        return rows[0]
    return min(rows, key=lambda row: _order(row._replace(key=_without_room(row))))


def _without_room(row: Row) -> tuple[tuple[float, ...], float]:
    keys, rest = row.key
    return tuple(key for term, key in zip(row.terms, keys, strict=True) if term is not ROOM), rest


def _order(row: Row) -> tuple[tuple[tuple[float, ...], float], bool, str, int]:
    case = row.case
    return row.key, bool(case.derived_from), case.name, case.configuration.gpu_count
