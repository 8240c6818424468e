"""The recipe hook: validates an AIMRecipe, labels it, and reports in its status whether it can be used."""

from typing import Any

from pydantic import ValidationError

from aimlib.api import API_VERSION
from aimlib.api.meta import Condition
from aimlib.api.recipe import RecipeSpec, RecipeStatus
from aimlib.caching.weight_files import draft_of
from aimlib.config import DEFAULT_CONFIG, Config
from aimlib.naming import CHECKPOINT_LABEL, DRAFT_LABEL, MODEL_LABEL, model_label
from aimlib.protocol.metacontroller import Request, written_status
from aimlib.schema.error_messages import validation_messages
from aimlib.selection.recipe_check import RecipeCheck, check_recipe


def sync(request: Request, config: Config = DEFAULT_CONFIG) -> dict[str, Any]:
    """Label and status of one recipe; it has no attachments."""
    request.expect(API_VERSION, "AIMRecipe")
    spec = request.parent.get("spec")
    generation = request.parent["metadata"].get("generation")
    model = spec.get("modelId") if isinstance(spec, dict) else None
    checkpoint = spec.get("checkpoint") or model if isinstance(spec, dict) else None
    draft, _ = draft_of(spec) if isinstance(spec, dict) else (None, {})
    labels = {MODEL_LABEL: model, CHECKPOINT_LABEL: checkpoint, DRAFT_LABEL: draft}
    return {
        "labels": {label: model_label(value) if isinstance(value, str) else None for label, value in labels.items()},
        "annotations": {},
        "attachments": [],
        "status": written_status(_status(request.parent["metadata"].get("name", ""), spec, generation, config).wire()),
    }


def _status(name: str, spec: object, generation: int | None, config: Config) -> RecipeStatus:
    try:
        usable, problems, notes = check_recipe(name, RecipeSpec.model_validate(spec), config)
    except ValidationError as error:
        usable, problems, notes = RecipeCheck((), validation_messages(error), ())
    message = "; ".join((*problems, *notes))[:4096]
    reason = "Invalid" if not usable else "PartlyInvalid" if problems else "Valid"
    return RecipeStatus(
        observed_generation=generation,
        phase="Ready" if usable else "Invalid",
        gpu_counts=",".join(map(str, usable)) or None,
        message=message or None,
        conditions=(
            Condition(
                type="Ready",
                status="True" if usable else "False",
                reason=reason,
                message=message or "every enabled configuration can be used",
                observed_generation=generation,
            ),
        ),
    )
