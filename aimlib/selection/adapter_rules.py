"""The rule of selection about LoRA adapters: the engine serves them under their names, and for such a model."""

from aimlib.engines.architectures import model_architectures
from aimlib.selection.candidates import Case, Rejection, RuleResult

INSTEAD = "leave the engine to the operator or state vllm, or merge each into a copy of the model and serve that"


def adapters(case: Case) -> RuleResult:
    """An engine that answers with the model itself, where an adapter is asked for, would be wrong without a word."""
    requested, engine = case.requirements.adapters, case.launch.engine
    if not requested:
        return case
    if engine.flags.adapters is None:
        names = ", ".join(one.name for one in requested)
        found = f"{engine.title} {engine.version}, which answers such requests with the model itself: {INSTEAD}"
        return Rejection(f"an engine that serves the adapters {names} by their names", found)
    architecture = case.recipe.facts.architecture if case.recipe.facts else None
    own_image = case.requirements.own_image or case.recipe.image
    if own_image or architecture not in model_architectures(engine.name).without_adapters:
        return case
    return Rejection(f"an architecture for which {engine.title} {engine.version} loads adapters", architecture)
