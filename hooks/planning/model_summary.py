"""What there is for each model: recipes, or facts from which candidates are derived."""

from collections.abc import Iterable

from aimlib.api.meta import Raw
from aimlib.selection.recipe_check import model_of


def summarize_models(recipes: Iterable[Raw], described: Iterable[Raw], products: set[str] | None) -> list[Raw]:
    """What there is for each model. `here` is whether a recipe is for GPUs of the cluster; derived ones may be, too."""
    found: dict[str, list[Raw]] = {}
    for recipe in recipes:
        if model := model_of(recipe):
            found.setdefault(model, []).append(recipe["spec"])
    for one in described:
        found.setdefault(str(one["spec"]["modelId"]), [])
    return [_summary(model, found[model], products) for model in sorted(found, key=str.lower)]


def _summary(model: str, specs: list[Raw], products: set[str] | None) -> Raw:
    hardware = sorted({str(spec.get("hardware")) for spec in specs})
    data: Raw = {
        "model": model,
        "recipes": len(specs),
        "precision": sorted({str(spec.get("precision")) for spec in specs}),
        "hardware": hardware or ["derived"],
    }
    if products is not None:
        data["here"] = ("yes" if products & {*hardware} else "no") if specs else "derived"
    return data
