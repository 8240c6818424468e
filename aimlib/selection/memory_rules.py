"""The rules about dividing a model and its memory: legal degrees, and room for weights and a KV cache."""

from aimlib.selection.candidates import Case, Rejection, RuleResult
from aimlib.selection.gpu_memory import illegal_degree


def divisible(case: Case) -> RuleResult:
    """Its layers and those of a second model can be divided among the ranks."""
    facts, tensor = case.recipe.facts, case.launch.parallel.tensor
    found = illegal_degree(facts, tensor, case.launch.expert_degree) if facts else ""
    draft = case.recipe.draft
    if draft and not found:
        illegal = illegal_degree(draft.facts, tensor)
        found = f"draft {draft.repository} with {illegal}" if illegal else ""
    return Rejection(f"tensor parallel {tensor}", found) if found else case


def enough_memory(case: Case) -> RuleResult:
    """Weights and the KV cache of one sequence have room on the devices, or in the share of one."""
    launch = case.launch
    if launch.required is None:
        return case
    left = case.narrowed(lambda one: launch.fits(case.engine_gib(one)))
    if left.classes:
        return left
    largest, of = case.largest_gib, "a share of " * (case.share_gib is not None)
    return Rejection(
        f"{launch.required(largest)} for {launch.max_length} tokens",
        f"{launch.usable(largest):.1f} GiB usable of {of}{largest:g} GiB on {case.recipe.hardware}",
    )
