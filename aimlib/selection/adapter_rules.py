"""The rule of selection about LoRA adapters: the engine serves them under their names."""

from aimlib.selection.candidates import Case, Rejection, RuleResult


def adapters(case: Case) -> RuleResult:
    """An engine that answers with the model itself, where an adapter is asked for, would be wrong without a word."""
    requested, engine = case.requirements.adapters, case.launch.engine
    if not requested or engine.flags.adapters:
        return case
    names = ", ".join(one.name for one in requested)
    found = f"{engine.title} {engine.version}, which answers such requests with the model itself"
    return Rejection(f"an engine that serves the adapters {names} by their names", found)
