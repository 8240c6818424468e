"""The rule about a second model that drafts tokens.

It is another checkpoint, with a licence and an author of its own, so no endpoint gets one that does not request it.
"""

from aimlib.selection.candidates import Case, Rejection, RuleResult


def draft(case: Case) -> RuleResult:
    """The draft that is requested, or none; its files are in a repository, and not in a source of the model's."""
    requirements, has = case.requirements, case.recipe.draft
    requested, files = requirements.draft, requirements.revision or ""
    found = f"{has.repository}, which drafts tokens" if has else "no draft"
    if requested is None and (has is None or requirements.recipe is None):
        return Rejection("no second model, since recipe.draft is left out", found) if has else case
    wanted = (requested.repository if requested else None) or ""
    if has is None or wanted not in {"", has.repository}:
        return Rejection(f"draft {wanted}" if wanted else "any draft", found)
    if "://" in files:
        return Rejection(f"{files} as {requirements.model_id}", f"draft {has.repository}, which is not there")
    launch, revision = case.launch, requested.revision if requested else None
    if revision and launch.runs_remote_code and case.config.remote_code_revisions == "Default":
        flag = launch.engine.flags.trust_remote_code
        return Rejection(
            f"revision {revision} of draft {has.repository}", f"{flag}, which runs its default branch only"
        )
    return case
