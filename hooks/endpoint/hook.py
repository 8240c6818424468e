"""The endpoint hook: observe, decide, build, report.

A running endpoint stays on its configuration until its spec requests something else; a decision that fails leaves it
running.
"""

from typing import Any

from aimlib.api import API_VERSION
from aimlib.config import Config
from aimlib.naming import MODEL_LABEL, model_label
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.metacontroller import BadRequestError, Request
from aimlib.protocol.unreadable import spec_message, unreadable_spec
from hooks.endpoint.build import build
from hooks.endpoint.decision import decide
from hooks.endpoint.report import report
from hooks.endpoint.world import may_use_cache, observe, read_spec, requests_claim


def customize(request: Request) -> dict[str, Any]:
    """The inventory, the caches that the endpoint may use, and what its model has, or the recipe that it names.

    It depends on the spec alone, and selects nothing for one that cannot be read, which sync reports.
    """
    request.expect(API_VERSION, "AIMEndpoint")
    try:
        spec = read_spec(request.parent)
    except BadRequestError:
        return {"relatedResources": []}
    recipes: dict[str, Any] = {"apiVersion": API_VERSION, "resource": "aimrecipes"}
    models: list[dict[str, Any]] = []
    if custom := spec.recipe.custom_recipe:
        recipes["names"] = [custom.name]
    else:
        selector = {"matchLabels": {MODEL_LABEL: model_label(spec.requested_model.id or "")}}
        recipes["labelSelector"] = selector
        models = [{"apiVersion": API_VERSION, "resource": "aimmodels", "labelSelector": selector}]
    inventory = {"apiVersion": API_VERSION, "resource": "aiminventories", "names": ["cluster"]}
    namespace = request.parent["metadata"].get("namespace", "default")
    caches: dict[str, Any] = {"apiVersion": API_VERSION, "resource": "aimcaches", "namespace": namespace}
    if spec.cache.name:
        caches["names"] = [spec.cache.name]
    classes = {"apiVersion": "storage.k8s.io/v1", "resource": "storageclasses"}
    rules = [
        inventory,
        *([caches] if may_use_cache(spec) else []),
        *([classes] if requests_claim(spec) else []),
        *models,
        recipes,
    ]
    return {"relatedResources": rules}


def sync(request: Request, config: Config) -> dict[str, Any]:
    """Status and children of one endpoint."""
    request.expect(API_VERSION, "AIMEndpoint")
    try:
        spec = read_spec(request.parent)
    except BadRequestError as error:
        return unreadable_spec(request, Verdict("RecipeSelected", False, "SpecInvalid", spec_message(error)))
    world = observe(request, spec, config)
    decision = decide(world)
    built = build(world, decision)
    return report(world, decision, built)
