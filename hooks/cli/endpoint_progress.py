"""How far an endpoint of a cluster is, when waiting for it is over, and what a change of it will mean."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aimlib.api.meta import Raw
from aimlib.protocol.reasons import Advice, advice
from hooks.cli.errors import FAILED_CODE, NOTHING_FITS_CODE

WITHOUT_CONFIGURATION = frozenset({"NothingFits", "NoRecipe", "ModelNotInspected"})
"""Reasons of RecipeSelected that do not pass by themselves."""
UNSEEN = "the operator has not looked at this change yet"
SPELLINGS = {
    "modelId": (("model", "id"), ("model", "revision"), ("model", "source"), ("model", "access")),
    "gpuCount": (("recipe", "gpuCount"), ("resources", "gpuCount")),
    "precision": (("recipe", "precision"),),
}
"""Short spellings that a change writes, and what it removes: other spellings, and what is of the model before."""


class EndpointProgress(NamedTuple):
    """How far an endpoint is."""

    phase: str
    message: str
    code: int | None
    """The exit code of a command that waits for it; None while there is something to wait for."""
    reason: str = ""
    """That of Ready; nothing while it is not known."""

    def advice(self, name: str) -> Advice:
        """What the user may do about it; nothing where it is as requested."""
        return Advice("", "") if self.code == 0 else advice("AIMEndpoint", self.reason, name)


def read_progress(endpoint: Raw) -> EndpointProgress:
    """How far an endpoint is with the spec that it has now."""
    status = endpoint.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    ready = conditions.get("Ready", {})
    if ready.get("observedGeneration") != endpoint["metadata"].get("generation"):
        return EndpointProgress("Pending", UNSEEN, None)
    phase = status.get("phase") or "Pending"
    return EndpointProgress(phase, status.get("message") or "", _code(phase, conditions), ready.get("reason") or "")


def _code(phase: str, conditions: Mapping[str, Raw]) -> int | None:
    if phase == "Stopped" or conditions["Ready"]["status"] == "True":
        return 0
    if conditions.get("RecipeSelected", {}).get("reason") in WITHOUT_CONFIGURATION:
        return NOTHING_FITS_CODE
    return FAILED_CODE if phase == "Failed" else None


def requested_spec(model: str | None, options: Mapping[str, Any]) -> Raw:
    """The fields of a spec for a model and the options `gpus`, `precision`, `hardware` and `goal`, where stated."""
    short = {"modelId": model, "gpuCount": options["gpus"], "precision": options["precision"]}
    recipe = {"hardware": list(options["hardware"]) or None, "goal": options["goal"]}
    spec = {key: value for key, value in short.items() if value is not None}
    stated = {key: value for key, value in recipe.items() if value is not None}
    return {**spec, **({"recipe": stated} if stated else {})}


def change_of(endpoint: Raw, requested: Raw) -> Raw:
    """The merge patch by which an endpoint requests something else, in whatever spelling it has now.

    Another model takes nothing along that was of the one before: revision, source and the recipe that was named.
    """
    spec = endpoint["spec"]
    change: Raw = {key: value for key, value in requested.items() if key != "recipe"}
    recipe = dict(requested.get("recipe", {}))
    if "modelId" in requested and (spec.get("recipe") or {}).get("customRecipe"):
        recipe["customRecipe"] = None
    if recipe:
        change["recipe"] = recipe
    for short in SPELLINGS.keys() & requested.keys():
        for part, key in SPELLINGS[short]:
            if key in (spec.get(part) or {}):
                change.setdefault(part, {})[key] = None
    return {"spec": change}


def patched(value: Any, change: Any) -> Any:  # noqa: ANN401 - JSON
    """The value with a merge patch applied (RFC 7386)."""
    if not isinstance(change, dict):
        return change
    before = value if isinstance(value, dict) else {}
    kept = {key: one for key, one in before.items() if key not in change}
    return kept | {key: patched(before.get(key), one) for key, one in change.items() if one is not None}


def scaling_text(endpoint: Raw, replicas: int) -> str:
    """What another number of replicas will mean."""
    name, spec = endpoint["metadata"]["name"], endpoint["spec"]
    before, resolved = spec.get("replicas", 1), (endpoint.get("status") or {}).get("resolved") or {}
    gpus = resolved.get("gpuCount")
    numbers = f"{name}: {replicas} instead of {before} replicas"
    if gpus:
        of = f" of {resolved['recipe']}, which has {gpus} {resolved['product']} each: "
        numbers += f"{of}{replicas * gpus} GPU{'s' * (replicas * gpus != 1)} instead of {before * gpus}"
    most = (spec.get("scaling") or {}).get("maxReplicas") or 1
    if replicas and most > 1:
        numbers += f"; an autoscaler then chooses between {spec['scaling'].get('minReplicas', 1)} and {most}"
    return numbers if replicas else f"{numbers}; it serves no more until it is started, and its configuration stays"
