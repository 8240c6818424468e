"""The rules about speed: the budget of GPUs, room for the workload, and objectives; all are the user's."""

from math import ceil

from aimlib.kube.duration import parse_latency
from aimlib.selection.candidates import Case, Rejection, RuleResult, format_gpus
from aimlib.selection.parts import compute_part, memory_part
from aimlib.selection.speeds import Deployed, Estimate, estimate, kv_room, point_of


def deployed(case: Case) -> Deployed:
    """The candidate on the class of devices that would be selected."""
    first, hardware = case.first_class, case.hardware
    parts = memory_part(case, first), compute_part(case, first)
    return Deployed(case.launch, case.recipe.precision, hardware, case.engine_gib(first), *parts)


def estimated(case: Case) -> Estimate | None:
    """The speed of the candidate, for the replicas of its budget."""
    point = point_of(case.name, case.recipe, case.configuration)
    return estimate(point, deployed(case), case.speeds, case.replicas)


def gpu_budget(case: Case) -> RuleResult:
    """One replica at least is within the budget."""
    budget, count = case.requirements.gpu_budget, case.configuration.gpu_count
    if budget is None or count <= budget:
        return case
    return Rejection(f"at most {format_gpus(budget)}", format_gpus(count))


def workload(case: Case) -> RuleResult:
    """What is stated of the workload has room: a request in the context, the requests at once in the KV cache."""
    stated, usual = case.requirements.workload, case.speeds.workload
    if stated is None:
        return case
    tokens, longest = usual.input_tokens + usual.output_tokens, case.launch.max_length
    lengths = stated.input_tokens is not None or stated.output_tokens is not None
    if lengths and 0 < longest < tokens:
        return Rejection(f"{tokens} tokens per request", f"{longest} tokens of context")
    if stated.concurrency is None or case.recipe.facts is None:
        return case
    requests, held = ceil(stated.concurrency / case.replicas), kv_room(deployed(case)) // tokens
    if requests <= held:
        return case
    return Rejection(f"{requests} requests at once of {tokens} tokens", f"{held} in the KV cache")


def objectives(case: Case) -> RuleResult:
    """Mean times of the workload are within what is stated; what cannot be predicted is not known to be."""
    stated = case.requirements.objectives
    if stated is None:
        return case
    found = estimated(case)
    limits = (
        ("to first token", stated.time_to_first_token, found.first_token if found else None),
        ("per output token", stated.time_per_output_token, found.per_token if found else None),
    )
    for name, limit, seconds in limits:
        if limit is None:
            continue
        requested = f"at most {parse_latency(limit) * 1000:g} ms {name}"
        if found is None or seconds is None:
            return Rejection(requested, UNPREDICTABLE)
        if seconds > parse_latency(limit):
            return Rejection(requested, f"{milliseconds(seconds)} ms ({found.time.source}; {case.speeds.workload})")
    return case


UNPREDICTABLE = "no prediction: the recipe has no facts, or its hardware no published speed"
"""What there is where nothing can be predicted."""


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds, with three digits that count."""
    return three_digits(seconds * 1000)


def three_digits(value: float) -> str:
    """A number with three digits that count, such as 0.0123, 45.6 or 12300."""
    return f"{float(f'{value:.3g}'):.15g}"
