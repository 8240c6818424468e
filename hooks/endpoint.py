"""The endpoint hook: decide, build, report.

A running endpoint stays on its choice until its spec asks for something else; a decision that fails leaves it running.
"""

from functools import partial
from typing import Any, TypeVar

from aimlib.api import API_VERSION
from aimlib.api.base import Model
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_status import EndpointStatus, Resolved, UsedCache
from aimlib.api.meta import Raw
from aimlib.api.node import InventoryStatus
from aimlib.config import Config
from aimlib.hook import Request, wire
from aimlib.memo import Memo, remembered, versions
from aimlib.names import MODEL_LABEL, model_label
from aimlib.parsing import parsed
from aimlib.selection import Decision, Entry, decide, decided_for, entry
from aimlib.stuck import cause
from hooks import conditions, report
from hooks.awaited import awaited
from hooks.cached import Memory, cached, related
from hooks.children import children
from hooks.children.owner import Owner
from hooks.observed import phase_of, replicas_missing, rollout, see, since
from hooks.surprises import warnings

RECIPES = f"AIMRecipe.{API_VERSION}"
INVENTORY = f"AIMInventory.{API_VERSION}"
ENTRIES: Memo[Entry] = Memo(1024)
DECISIONS: Memo[Decision] = Memo(512)
WATCH_SECONDS = 5
"""When to look at the Pods again while replicas are missing: no event says that a Pod is in trouble."""


def read_spec(parent: Raw) -> EndpointSpec:
    """The parent's spec; BadRequestError in words where the CRD should have refused it."""
    return parsed(EndpointSpec, parent.get("spec"))


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
    pinned = _kept(before, "resolved", Resolved)
    key = decided_for(spec)
    fresh = _decide(request, spec, key, config)
    better = fresh.resolved if fresh else None
    keeps = (
        pinned is not None
        and pinned.decided_for == key
        and (better in (None, pinned) or spec.recipe.update_policy != "Auto")
    )
    resolved = pinned if keeps else better or pinned
    explained: Raw = before.get("selection") or {}
    selection = explained if keeps or fresh is None else fresh.selection.wire()
    chosen = conditions.recipe_selected(fresh, pinned if keeps or not better else None, key, explained)
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
    ready = conditions.ready(chosen, *cache.objections, serving)
    status = EndpointStatus(
        phase=conditions.phase(ready),
        message=ready.message[:4096],
        model=spec.wanted.id,
        selected_recipe=report.selected(resolved),
        endpoints=report.endpoints(owner, seen["Service"].found),
        replicas=report.replicas(owner.replicas, account, before),
        selector=report.selector(owner),
        cache=owner.cache,
        conditions=report.conditions((ready, chosen, *cache.conditions, serving, current), generation),
        warnings=(*warnings(spec, resolved), *cache.warnings),
        resolved=resolved,
    )
    again = WATCH_SECONDS if watched else waiting.resync_seconds
    return _answer(status, selection, wanted) | ({"resyncAfterSeconds": again} if again else {})


def _answer(status: EndpointStatus, selection: Raw | None, wanted: list[Raw]) -> dict[str, Any]:
    """The explanation of a choice is written once and then carried along as it was read."""
    return {"status": wire({**status.wire(), "selection": selection}), "children": wanted}


def _decide(request: Request, spec: EndpointSpec, asked: str, config: Config) -> Decision | None:
    """A decision made now; None before the inventory is known."""
    inventory = next((one for one in request.found(INVENTORY) if one.get("status")), None)
    if inventory is None:
        return None
    recipes = request.found(RECIPES)
    seen = versions([inventory, *recipes])
    key = (asked, config.digest, seen) if seen else None
    return remembered(DECISIONS, key, lambda: _fresh(spec, recipes, inventory, config))


def _fresh(spec: EndpointSpec, recipes: list[Raw], inventory: Raw, config: Config) -> Decision:
    catalogue = [
        remembered(ENTRIES, versions([raw]), partial(entry, raw["metadata"]["name"], raw.get("spec")))
        for raw in recipes
    ]
    return decide(spec, catalogue, InventoryStatus.model_validate(inventory["status"]), config)


def _memory(before: Raw, pinned: Resolved | None, resolved: Resolved) -> Memory:
    """What the status says of caches, and whether it says it of this choice."""
    same = pinned and (pinned.decided_for, pinned.checkpoint) == (resolved.decided_for, resolved.checkpoint)
    return Memory(_kept(before, "cache", UsedCache), bool(same), "current" in (before.get("replicas") or {}))


M = TypeVar("M", bound=Model)


def _kept(before: Raw, field: str, model: type[M]) -> M | None:
    """What the status remembers. What an older release wrote and this one cannot read must not delete anything."""
    return parsed(model, before[field], f"status.{field} cannot be read") if before.get(field) else None
