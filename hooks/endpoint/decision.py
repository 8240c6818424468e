"""The decision for an endpoint: what selection returns now, what is pinned, and which of the two is to run.

The endpoint hook and admission both decide here, so that status and warnings agree.
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple, TypeVar

from aimlib import pod_template
from aimlib.api.base import Model
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_status import FullHardware, Resolved
from aimlib.api.meta import Raw
from aimlib.api.node import InventoryStatus
from aimlib.config import Config
from aimlib.derive.candidates import derived_entries
from aimlib.derive.described import NOTHING_DESCRIBED, Described, described_models
from aimlib.memo import Memo, memoized, versions
from aimlib.naming import TEMPLATE_ANNOTATION, child_name
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import DEPLOYMENT
from aimlib.schema.parsing import parse_as
from aimlib.selection.recipe_check import model_of
from aimlib.selection.result_texts import full_text
from aimlib.selection.select import (
    CatalogueEntry,
    Decision,
    decided_for,
    is_decided_for,
    read_entry,
    select,
    selection_steps,
)
from hooks.endpoint import full_hardware
from hooks.endpoint.conditions import recipe_selected
from hooks.endpoint.world import World

ENTRIES: Memo[CatalogueEntry] = Memo(1024)
DECISIONS: Memo[Decision] = Memo(512)


class EndpointDecision(NamedTuple):
    """What is to run for an endpoint now."""

    pinned: Resolved | None
    """The configuration in its status."""
    fresh: Decision | None
    """What selection returns now; None before the inventory is known."""
    resolved: Resolved | None
    """What is to run: the pinned configuration while it stays, else a new one."""
    selection: Raw | None
    """The explanation, as it is written."""
    verdict: Verdict
    """RecipeSelected."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the explanation has about parts of the recipe that are left out."""
        written = (self.selection or {}).get("notes")
        return tuple(note for note in written if isinstance(note, str)) if isinstance(written, list) else ()


def decide(world: World) -> EndpointDecision:
    """The decision for the endpoint of a sync."""
    models = described_models(world.models, world.spec.requested_model.id or "", world.namespace)
    full = full_hardware.observed(world, remembered_part(world.before, "resolved", Resolved))
    related = world.spec, world.before, world.recipes, world.inventories, world.config
    found = decide_for(*related, caches=world.caches, models=models, full_now=full)
    running = world.child(DEPLOYMENT, child_name(world.name))
    if found.pinned or not found.resolved or running is None or world.spec.recipe.update_policy == "Auto":
        return found
    return found._replace(resolved=found.resolved.model_copy(update={"template_version": running_template(running)}))


def running_template(deployment: Raw) -> int:
    """The version of a Deployment's pod template, which outlives a status that is lost."""
    annotations = deployment["spec"]["template"].get("metadata", {}).get("annotations") or {}
    written = annotations.get(TEMPLATE_ANNOTATION, "")
    return int(written) if re.fullmatch("[1-9][0-9]{0,5}", written) else pod_template.FIRST


def decide_for(  # noqa: PLR0913 - all that an endpoint relates
    spec: EndpointSpec,
    before: Raw,
    recipes: list[Raw],
    inventories: list[Raw],
    config: Config,
    *,
    caches: list[Raw] | None = None,
    models: Described = NOTHING_DESCRIBED,
    full_now: FullHardware | None = None,
) -> EndpointDecision:
    """The decision among the recipes that the endpoint relates; `before` is its status so far.

    `caches` are the AIMCaches that it may use; None where they are not known. `models` is what AIMModels give it,
    `full_now` the hardware of the pinned configuration, where its pods find no room.
    """
    key = decided_for(spec)
    pinned = _in_full(remembered_part(before, "resolved", Resolved), key)
    waits = spec.recipe.when_full == "Wait" or pinned is None or pinned.decided_for != key
    full_now = None if waits else full_now
    known = () if waits else full_hardware.recorded(before, key)
    new = full_hardware.is_new(full_now, known)
    full = full_hardware.added(full_now, known) if full_now and new else known
    chosen_by = partial(_select, spec, recipes, inventories, config, models, downloads=_downloads(spec, caches))
    with_room = chosen_by(full=full)
    has_room = with_room is None or with_room.resolved is not None
    fresh = with_room if has_room or not full else _although_full(chosen_by(full=()), full)
    better = fresh.resolved if fresh else None
    differs = pinned is not None and better is not None and better.differs_from(pinned)
    leaves = full_now is not None and (new or has_room)
    keeps = (
        pinned is not None
        and pinned.decided_for == key
        and not (differs and (leaves or spec.recipe.update_policy == "Auto"))
    )
    found = before.get("selection")
    explained: Raw = found if isinstance(found, dict) else {}
    if is_decided_for(str(explained.get("decidedFor")), key):
        explained = explained | {"decidedFor": key}
    return EndpointDecision(
        pinned=pinned,
        fresh=fresh,
        resolved=pinned if keeps else better or pinned,
        selection=explained if keeps or fresh is None else fresh.selection.wire(),
        verdict=recipe_selected(fresh, pinned if keeps or not better else None, key, explained),
    )


def concerning(spec: EndpointSpec, recipes: Iterable[Raw]) -> list[Raw]:
    """Of all recipes those that the endpoint relates: the one that it names, else those of its model."""
    custom = spec.recipe.custom_recipe
    if custom:
        return [one for one in recipes if one["metadata"]["name"] == custom.name]
    return [recipe for recipe in recipes if model_of(recipe) == spec.requested_model.id]


def _in_full(pinned: Resolved | None, key: str) -> Resolved | None:
    """The pinned configuration, with the whole digest where an earlier release wrote a part of it."""
    if pinned is None or not is_decided_for(pinned.decided_for, key):
        return pinned
    return pinned.model_copy(update={"decided_for": key})


def _downloads(spec: EndpointSpec, caches: list[Raw] | None) -> bool:
    """Whether the model is downloaded to the node: there is certainly neither a cache nor a claim."""
    stated = spec.cache
    return stated.name is None and not stated.enabled and (stated.enabled is False or caches == [])


def _although_full(decision: Decision | None, full: tuple[FullHardware, ...]) -> Decision | None:
    """What is the best where all that fits is full: the endpoint waits there."""
    if decision is None or decision.resolved is None:
        return decision
    message = "; ".join((decision.selection.message, *map(full_text, full)))[:4096]
    return decision._replace(selection=decision.selection.model_copy(update={"message": message, "full": full}))


def _select(  # noqa: PLR0913 - as decide_for
    spec: EndpointSpec,
    recipes: list[Raw],
    inventories: list[Raw],
    config: Config,
    models: Described,
    *,
    downloads: bool,
    full: tuple[FullHardware, ...],
) -> Decision | None:
    inventory = next((one for one in inventories if one.get("status")), None)
    if inventory is None:
        return None
    seen = versions([inventory, *recipes])
    # All tenants share the stored decisions, so the key has what was requested, and no digest of it.
    stated = (*selection_steps(spec),), spec.recipe.goal, spec.resources, downloads, full, models.key
    key = (*stated, config.digest, seen) if seen else None
    return memoized(
        DECISIONS, key, lambda: _fresh(spec, recipes, inventory, config, models, downloads=downloads, full=full)
    )


def _fresh(  # noqa: PLR0913 - as decide_for
    spec: EndpointSpec,
    recipes: list[Raw],
    inventory: Raw,
    config: Config,
    models: Described,
    *,
    downloads: bool,
    full: tuple[FullHardware, ...],
) -> Decision:
    catalogue = [
        memoized(ENTRIES, versions([raw]), partial(read_entry, raw["metadata"]["name"], raw.get("spec")))
        for raw in recipes
    ]
    status = InventoryStatus.model_validate(inventory["status"])
    derive = partial(derived_entries, catalogue, models.checkpoints, status.classes, config)
    found = select(spec, catalogue, status, config, downloads=downloads, full=full, derive=derive)
    if found.resolved or not models.remarks:
        return found
    message = "; ".join((found.selection.message, *models.remarks))[:4096]
    return found._replace(selection=found.selection.model_copy(update={"message": message}))


M = TypeVar("M", bound=Model)


def remembered_part(before: Raw, field: str, model: type[M]) -> M | None:
    """A field of the status so far; BadRequestError where an older release wrote what this one cannot read.

    It must not delete anything.
    """
    return parse_as(model, before[field], f"status.{field} cannot be read") if before.get(field) else None
