"""The result of a selection in words: which configuration is the best, or why nothing fits."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from aimlib.api.endpoint_status import Candidate, DerivedCandidate
from aimlib.api.node import GpuClass
from aimlib.api.room import FullHardware
from aimlib.hardware.products import Products
from aimlib.selection.candidates import Case, Rejection, Requirements, format_gpus
from aimlib.selection.node_rules import may_have_hardware
from aimlib.selection.room import room_text
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
    asked, found = one.rejection.requested[:1024], one.rejection.available[:1024]
    return candidate_row(one.case).model_copy(update={"rule": one.rule, "asked": asked, "found": found})


def selected_message(selected: Case, fitting: int, considered: int) -> str:
    """Which configuration is selected, and among how many."""
    best = "the only one that fits" if fitting == 1 else f"the best of {fitting} that fit"
    rank = "the only configuration" if considered == 1 else f"{best} of {considered} configurations"
    nodes = f" on {selected.nodes} nodes" if selected.nodes > 1 else ""
    chosen = f"{selected.name} with {format_gpus(selected.configuration.gpu_count)}{nodes}: {rank}"
    if selected.derived_from:
        chosen += f"; derived from {selected.derived_from}, and validated by nobody"
    if draft := selected.recipe.draft:
        licence = f", licence {draft.facts.license}" if draft.facts.license else ""
        chosen += f"; {draft.repository} drafts {draft.tokens} tokens in each step ({draft.method}{licence})"
    budget = selected.requirements.gpu_budget
    if budget is None:
        return chosen
    used = f"{selected.replicas} replica{'s' * (selected.replicas > 1)}"
    return f"{chosen}; gpuBudget {budget} is for {used}, which spec.replicas or spec.scaling asks for"


def full_text(one: FullHardware) -> str:
    """What was full, and since when."""
    kind = " ".join(filter(None, (one.product, one.partition)))
    return f"no room for {format_gpus(one.gpu_count)} on {kind} since {one.since}"


def passed_over(selected: Case, preferred: Case) -> str:
    """What would have been selected if there was room for it; nothing where that is what was selected."""
    if (preferred.name, preferred.configuration.gpu_count) == (selected.name, selected.configuration.gpu_count):
        return ""
    which = f"{preferred.name} with {format_gpus(preferred.configuration.gpu_count)}"
    return f"; {which}, which is better otherwise, had room for {room_text(preferred)}"


def unlisted_notes(selected: Case) -> tuple[str, ...]:
    """What could not be checked, since no table has the product."""
    hardware = selected.hardware
    if hardware is None or selected.products.product(hardware.name):
        return ()
    checked = f"precisions by its architecture {hardware.architecture}" if hardware.served else "precisions unchecked"
    known = f"memory by the labels of its nodes, {checked}"
    return (f"{hardware.name} is in no table of GPU products: {known}; the setting hardware can describe it",)


def undescribed_notes(classes: Iterable[GpuClass], listed: Products) -> tuple[str, ...]:
    """The products for which nothing is derived, since neither a table nor their labels have their architecture."""
    unknown = (one.product for one in classes if not one.architecture and listed.product(one.product) is None)
    untold = "is in no table of GPU products, and its labels do not tell its architecture"
    return tuple(f"{name} {untold}; the setting hardware can describe it" for name in dict.fromkeys(unknown))


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
    numbers = rejection_text(closest.rule, closest.rejection.requested, closest.rejection.available)
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
