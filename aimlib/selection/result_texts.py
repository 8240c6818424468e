"""The result of a selection in words: which configuration is the best, or why nothing fits."""

from collections import Counter
from typing import NamedTuple

from aimlib.api.endpoint_status import Candidate, DerivedCandidate
from aimlib.selection.candidates import Case, Rejection, Requirements, format_gpus
from aimlib.selection.node_rules import may_have_hardware
from aimlib.selection.rules import RULE_ORDER, rejection_text

NO_CONFIGURATIONS = "no configurations"
"""What a recipe has that can be read and that brings no candidate."""


class RejectedCase(NamedTuple):
    """A candidate, and the first rule that rejects it."""

    case: Case
    rule: str
    rejection: Rejection


def candidate_row(case: Case) -> Candidate:
    """The row of a candidate in the status, without its verdict; a derived one has what a recipe would tell."""
    recipe = case.recipe
    derived = DerivedCandidate(
        origin=case.derived_from,
        hardware=recipe.hardware,
        precision=recipe.precision,
        backend=recipe.backend,
        checkpoint=recipe.loaded,
    )
    return Candidate(
        recipe=case.name, gpu_count=case.configuration.gpu_count, derived=derived if case.derived_from else None
    )


def rejected_row(one: RejectedCase) -> Candidate:
    """The row of a candidate that was rejected."""
    requested, available = one.rejection
    return candidate_row(one.case).model_copy(
        update={"rule": one.rule, "asked": requested[:1024], "found": available[:1024]}
    )


def selected_message(selected: Case, fitting: int, considered: int) -> str:
    """Which configuration is selected, and among how many."""
    best = "the only one that fits" if fitting == 1 else f"the best of {fitting} that fit"
    rank = "the only configuration" if considered == 1 else f"{best} of {considered} configurations"
    derived = f"; derived from {selected.derived_from}, and validated by nobody" if selected.derived_from else ""
    return f"{selected.name} with {format_gpus(selected.configuration.gpu_count)}: {rank}{derived}"


def refusal(requirements: Requirements, rejected: list[RejectedCase], unreadable: list[Candidate], step: str) -> str:
    """Why nothing fits the requirements: the number of rejections by rule, and the closest candidate."""
    lead = f"fallback ({step}): " if step else ""
    broken = [f"recipe {one.recipe} {_problem(one)}" for one in unreadable]
    if not rejected:
        model = f"for model {requirements.model_id}"
        nothing = f"no recipe {f'named {requirements.recipe}' if requirements.recipe else model}"
        return lead + ("; ".join(broken) or nothing)
    counts = Counter(one.rule for one in rejected)
    by_rule = ", ".join(f"{rule}: {counts[rule]}" for rule in sorted(counts, key=lambda rule: -RULE_ORDER[rule]))
    closest = rejected[0]
    sentence = (
        f"none of {len(rejected)} configurations for {requirements.model_id} fits (rejected by {by_rule}); closest is "
        if len(rejected) > 1
        else f"the only configuration for {requirements.model_id} does not fit: "
    )
    numbers = rejection_text(closest.rule, *closest.rejection)
    where = f"{closest.case.name} with {format_gpus(closest.case.configuration.gpu_count)}"
    other = _hardware_of(rejected) if {*counts} == {"hardware"} else ""
    return "; ".join((f"{lead}{sentence}{where}: {numbers}", *filter(None, (other,)), *broken))


def _hardware_of(rejected: list[RejectedCase]) -> str:
    """What the recipes are for, where none is for what the cluster has or would have."""
    names = sorted({one.case.recipe.hardware for one in rejected})
    foreign = len(names) > 1 and not may_have_hardware(rejected[0].case)
    return f"the model's recipes are for {', '.join(names)}" if foreign else ""


def _problem(unusable: Candidate) -> str:
    empty = unusable.found == NO_CONFIGURATIONS
    return f"has {NO_CONFIGURATIONS}" if empty else f"cannot be read: {unusable.found}"
