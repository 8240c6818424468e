"""The endpoint hook: observe, which version, decide, build, report.

A running endpoint stays on its configuration until its spec requests something else; a decision that fails leaves it
running.
"""

from typing import Any

from aimlib.api import API_VERSION
from aimlib.api.source import parse_source
from aimlib.config import Config
from aimlib.naming import CHECKPOINT_LABEL, MODEL_LABEL, model_label
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.metacontroller import BadRequestError, Request
from aimlib.protocol.unreadable import spec_message, unreadable_spec
from hooks.endpoint.build import build
from hooks.endpoint.children.scaled_object import keda_autoscaler
from hooks.endpoint.decision import decide
from hooks.endpoint.history import version_to_run
from hooks.endpoint.report import CARRIED, report
from hooks.endpoint.world import (
    World,
    may_reach_zero,
    may_use_cache,
    observe,
    read_spec,
    requests_autoscaler,
    requests_claim,
    with_status,
)


def customize(request: Request) -> dict[str, Any]:
    """The inventory, the caches that the endpoint may use, and what serves or loads its model, or the recipe it names.

    It depends on the spec alone, and selects nothing for one that cannot be read, which sync reports.
    """
    request.expect(API_VERSION, "AIMEndpoint")
    try:
        spec = read_spec(request.parent)
    except BadRequestError:
        return {"relatedResources": []}
    if custom := spec.recipe.custom_recipe:
        described: list[dict[str, Any]] = [
            {"apiVersion": API_VERSION, "resource": "aimrecipes", "names": [custom.name]}
        ]
    else:
        value = model_label(spec.requested_model.id or "")
        described = [
            {"apiVersion": API_VERSION, "resource": kind, "labelSelector": {"matchLabels": {label: value}}}
            for kind in ("aimmodels", "aimrecipes")
            for label in (MODEL_LABEL, CHECKPOINT_LABEL)  # rules of one kind are united
        ]
    inventory = {"apiVersion": API_VERSION, "resource": "aiminventories", "names": ["cluster"]}
    name, namespace = request.parent["metadata"]["name"], request.parent["metadata"].get("namespace", "default")
    caches: dict[str, Any] = {"apiVersion": API_VERSION, "resource": "aimcaches", "namespace": namespace}
    if spec.cache.name:
        caches["names"] = [spec.cache.name]
    classes = {"apiVersion": "storage.k8s.io/v1", "resource": "storageclasses"}
    source = spec.requested_model.source if spec.requested_model.mounted else None
    claim = {"apiVersion": "v1", "resource": "persistentvolumeclaims", "namespace": namespace}
    gateways = {
        "apiVersion": API_VERSION,
        "resource": "aimgateways",
    }  # of whatever namespace: each names what it routes
    rules = [
        inventory,
        *([gateways] if spec.deployment.canary.enabled or may_reach_zero(spec) else []),
        *([_autoscaler(name, namespace)] if requests_autoscaler(spec) else []),
        *([caches] if may_use_cache(spec) else []),
        *([classes] if requests_claim(spec) else []),
        *([{**claim, "names": [parse_source(source).name]}] if source else []),
        *described,
    ]
    return {"relatedResources": rules}


def _autoscaler(name: str, namespace: str) -> dict[str, Any]:
    """The HorizontalPodAutoscaler that KEDA may make: no child of the endpoint, and its status tells why it scales."""
    names = [keda_autoscaler(name)]
    return {
        "apiVersion": "autoscaling/v2",
        "resource": "horizontalpodautoscalers",
        "namespace": namespace,
        "names": names,
    }


def sync(request: Request, config: Config) -> dict[str, Any]:
    """Status and children of one endpoint."""
    request.expect(API_VERSION, "AIMEndpoint")
    try:
        spec = read_spec(request.parent)
    except BadRequestError as error:
        return unreadable_spec(request, Verdict("RecipeSelected", False, "SpecInvalid", spec_message(error)))
    world = observe(request, spec, config)
    response = _respond(world)
    failed = {key: response["status"][key] for key in CARRIED if key in response.get("status", {})}
    if "rollback" not in failed or "rollback" in world.before:
        return response
    return _respond(with_status(world, {**world.before, **failed}))  # what has just failed is left at once


def _respond(world: World) -> dict[str, Any]:
    """Status and children of the version that is to run."""
    version = version_to_run(world)
    world = world._replace(spec=version.spec)
    decision = decide(world, version)
    return report(world, version, decision, build(world, decision))
