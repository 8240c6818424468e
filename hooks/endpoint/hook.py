"""The endpoint hook: decide, build, report.

A running endpoint stays on its choice until its spec asks for something else; a decision that fails leaves it running.
"""

from typing import Any

from aimlib.api import API_VERSION
from aimlib.api.endpoint_status import EndpointStatus, Resolved, UsedCache
from aimlib.api.meta import Raw
from aimlib.config import Config
from aimlib.diagnosis.pod_failures import cause
from aimlib.naming import MODEL_LABEL, model_label
from aimlib.protocol.conditions import first_objection
from aimlib.protocol.metacontroller import Request, wire
from aimlib.protocol.observed import DEPLOYMENT, phase_of, replicas_missing, rollout, see, since
from aimlib.protocol.reasons import phase
from aimlib.telemetry.live_metrics import RESYNC_SECONDS
from hooks.endpoint import conditions
from hooks.endpoint import status as report
from hooks.endpoint.cache import Memory, cached, related
from hooks.endpoint.children import children
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.decision import choose, kept, read_spec
from hooks.endpoint.pending_children import awaited
from hooks.endpoint.warnings import warnings

RECIPES = f"AIMRecipe.{API_VERSION}"
INVENTORY = f"AIMInventory.{API_VERSION}"
WATCH_SECONDS = 5
"""When to look at the Pods again while replicas are missing: no event says that a Pod is in trouble."""


def figures_wanted(request: Request) -> bool:
    """Whether the parent asks for live figures, and an observed Deployment has a ready replica to measure."""
    ready = any((one.get("status") or {}).get("readyReplicas") for one in request.observed(DEPLOYMENT))
    return ready and read_spec(request.parent).monitoring.scraped


def customize(request: Request) -> dict[str, Any]:
    """The inventory, the caches it may use, and the recipes of the model or the one that is named.

    It depends on the spec alone.
    """
    request.expect(API_VERSION, "AIMEndpoint")
    spec = read_spec(request.parent)
    recipes: Raw = {"apiVersion": API_VERSION, "resource": "aimrecipes"}
    if custom := spec.recipe.custom_recipe:
        recipes["names"] = [custom.name]
    else:
        recipes["labelSelector"] = {"matchLabels": {MODEL_LABEL: model_label(spec.wanted.id or "")}}
    inventory = {"apiVersion": API_VERSION, "resource": "aiminventories", "names": ["cluster"]}
    caches = related(spec, request.parent["metadata"].get("namespace", "default"))
    return {"relatedResources": [inventory, *caches, recipes]}


def sync(request: Request, config: Config) -> dict[str, Any]:
    """Status and children of one endpoint."""
    request.expect(API_VERSION, "AIMEndpoint")
    spec, metadata = read_spec(request.parent), request.parent["metadata"]
    before: Raw = request.parent.get("status") or {}
    pinned, fresh, resolved, selection, chosen = choose(
        spec, before, request.found(RECIPES), request.found(INVENTORY), config
    )
    generation = metadata.get("generation")
    if resolved is None:
        return _answer(report.waiting(spec, chosen, generation), selection, [])
    bare = Owner(metadata["name"], metadata.get("namespace", "default"), spec, resolved, config)
    cache = cached(request, bare, _memory(before, pinned, resolved))
    owner = cache.owner
    wanted = children(owner)
    seen = {child["kind"]: see(request, child) for child in wanted}
    arrived = [since(request, before, one.type, one.status) for one in cache.conditions]
    waiting = awaited(request, seen.values(), before, *arrived)
    account = rollout(seen.get("Deployment"))
    watched = request.pods is not None and owner.replicas > 0 and replicas_missing(request)
    if watched and (why := cause(request.pods or (), request.now)):
        account = account._replace(trouble=why)
    claim_lost = any(phase_of(one.found) == "Lost" for one in seen.values())
    serving = conditions.available(owner.replicas, account, waiting, claim_lost, cache.pods)
    current = conditions.up_to_date(resolved, fresh)
    ready = first_objection(chosen, *cache.objections, serving)
    status = EndpointStatus(
        phase=phase("AIMEndpoint", ready),
        message=ready.message[:4096],
        model=spec.wanted.id,
        selected_recipe=report.selected(resolved),
        endpoints=report.endpoints(owner, seen["Service"].found),
        replicas=report.replicas(owner.replicas, account, before),
        selector=report.selector(owner),
        cache=owner.cache,
        metrics=report.metrics(spec, account, request, before),
        conditions=report.conditions((ready, chosen, *cache.conditions, serving, current), generation),
        warnings=(*warnings(spec, resolved), *cache.warnings),
        resolved=resolved,
    )
    looks = (WATCH_SECONDS if watched else waiting.resync_seconds, RESYNC_SECONDS if request.figures else 0)
    again = min(filter(None, looks), default=0)
    return _answer(status, selection, wanted) | ({"resyncAfterSeconds": again} if again else {})


def _answer(status: EndpointStatus, selection: Raw | None, wanted: list[Raw]) -> dict[str, Any]:
    """The explanation of a choice is written once and then carried along as it was read."""
    return {"status": wire({**status.wire(), "selection": selection}), "children": wanted}


def _memory(before: Raw, pinned: Resolved | None, resolved: Resolved) -> Memory:
    """What the status says of caches, and whether it says it of this choice."""
    same = pinned and (pinned.decided_for, pinned.checkpoint) == (resolved.decided_for, resolved.checkpoint)
    return Memory(kept(before, "cache", UsedCache), bool(same), "current" in (before.get("replicas") or {}))
