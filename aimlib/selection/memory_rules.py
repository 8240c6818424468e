"""The rules about how a model is divided, and whether its parts fit onto the devices."""

from aimlib.hardware.products import CPU
from aimlib.selection.candidates import Case, Rejection, RuleResult
from aimlib.selection.left_out import and_left_out
from aimlib.selection.parallel import illegal_degree, illegal_experts


def degree(case: Case) -> RuleResult:
    """The model, and a second one that drafts, can be divided as the arguments say."""
    facts, parallel = case.recipe.facts, case.launch.parallel
    if facts is None:
        return case
    tensor = parallel.tensor
    found = illegal_degree(facts, tensor, parallel.expert_divided)
    draft = case.recipe.draft
    if draft and not found and (illegal := illegal_degree(draft.facts, tensor)):
        found = f"draft {draft.repository} with {illegal}"
    if found:
        return Rejection(f"tensor parallel {tensor}", found)
    illegal = illegal_experts(facts, parallel.expert, even=case.launch.engine.even_experts)
    return Rejection(f"experts over {parallel.expert} ranks", illegal) if illegal else case


def memory(case: Case) -> RuleResult:
    """Weights and the KV cache of one sequence have room on the devices, or in the share of one."""
    launch = case.launch
    if launch.required is None:
        return case
    left = case.narrowed(lambda one: launch.fits(case.engine_gib(one)))
    if left.classes:
        return left
    largest = case.largest_gib
    of = f"{largest:g} GiB" if case.share_gib is None else f"a share of {largest:.4g} GiB"
    differ = all(one.partition or one.product == CPU for one in case.classes)
    others = and_left_out(case) if differ else ""
    return Rejection(
        f"{launch.required(largest)} for {launch.max_length} tokens",
        f"{launch.usable(largest):.1f} GiB usable of {of} on {case.recipe.hardware}{others}",
    )
