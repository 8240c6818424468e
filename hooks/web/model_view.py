"""One model: which endpoints serve it, what recipes it has, and what would fit on this cluster."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.config import Config
from aimlib.selection.recipe_check import model_of
from hooks.web.fleet import EndpointRow, endpoint_row_of
from hooks.web.what_if import PlanAnswer, PlanningCatalogue, plan_form


class RecipeRow(NamedTuple):
    """One recipe."""

    name: str
    hardware: str
    precision: str
    engine: str
    gpus: str
    phase: str


class ModelView(NamedTuple):
    """What the page of a model shows."""

    model: str
    endpoints: Sequence[EndpointRow]
    recipes: Sequence[RecipeRow]
    described: Sequence[str]
    """Names of the AIMModels with its facts."""
    here: PlanAnswer
    """What this cluster would select."""


def model_view(model: str, endpoints: Iterable[Raw], catalogue: PlanningCatalogue, config: Config) -> ModelView:
    """The page of a model. InvalidInputError for an id that is none."""
    answer = plan_form({"model": model}, (), catalogue, config)
    rows = [row for row in map(endpoint_row_of, endpoints) if row.model == model]
    described = [one["metadata"]["name"] for one in catalogue.models if model_of(one) == model]
    recipes = [one for one in catalogue.recipes if model_of(one) == model]
    return ModelView(
        model,
        sorted(rows, key=lambda row: (row.namespace, row.name)),
        sorted(map(_recipe_row, recipes)),
        sorted(described),
        answer,
    )


def _recipe_row(recipe: Raw) -> RecipeRow:
    spec, status = recipe["spec"], recipe.get("status") or {}
    hardware, precision, engine = (str(spec.get(name) or "") for name in ("hardware", "precision", "backend"))
    counts, phase = (str(status.get(name) or "") for name in ("gpuCounts", "phase"))
    return RecipeRow(recipe["metadata"]["name"], hardware, precision, engine, counts, phase)
