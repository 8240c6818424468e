"""The decision for an endpoint: what selection returns now, what is pinned, and which of the two is to run.

The endpoint hook and admission both decide here, so that status and warnings agree.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_status import Selection
from aimlib.api.meta import Raw
from aimlib.api.node import GpuClass, InventoryStatus
from aimlib.api.resolved import Resolved
from aimlib.api.room import FullHardware
from aimlib.config import Config
from aimlib.derive.candidates import derivation_key, derived_entries
from aimlib.derive.described import FILES_OF, NOTHING_DESCRIBED, Described, ServedFrom, described_models
from aimlib.hardware.free import NodeUse
from aimlib.hardware.products import known_products
from aimlib.kube.server_kinds import LEADER_WORKER_SET
from aimlib.memo import Memo, memoized, versions
from aimlib.protocol.conditions import Verdict
from aimlib.schema.parsing import text_of
from aimlib.selection.candidates import Room
from aimlib.selection.coming import select_with_coming
from aimlib.selection.entries import CatalogueEntry, read_entry
from aimlib.selection.recipe_check import is_on_several_nodes, loaded_by, model_of
from aimlib.selection.result_texts import full_text, undescribed_notes
from aimlib.selection.select import Decision
from aimlib.selection.steps import decided_for, is_decided_for, selection_steps
from hooks.endpoint import free_capacity, full_hardware
from hooks.endpoint.canary import tried
from hooks.endpoint.conditions import recipe_selected
from hooks.endpoint.history import Version, configuration_digest
from hooks.endpoint.inspection import inspect_model, while_inspecting, with_inspected
from hooks.endpoint.status import written_selection
from hooks.endpoint.suggestions import Asker, with_suggestion
from hooks.endpoint.template_version import running_template
from hooks.endpoint.world import World, downloads_to_node, remembered_part
from hooks.inspection.state import TrackedInspection

ENTRIES: Memo[tuple[int, CatalogueEntry]] = Memo(1024, weigh=lambda entry: entry[0], room=4 << 20)
"""Recipes as they are read, by name and text, with the length of the text: a new label or status reads none again."""
DERIVED_ENTRIES: Memo[tuple[CatalogueEntry, ...]] = Memo(64)
DECISIONS: Memo[Decision] = Memo(512)
ON_SEVERAL_NODES: Memo[bool] = Memo(512)
"""Whether recipes have a configuration on several nodes, by the versions of recipes and inventory."""


class EndpointDecision(NamedTuple):
    """What is to run for an endpoint now."""

    pinned: Resolved | None
    """The configuration in its status."""
    fresh: Decision | None
    """What selection returns now; None before the inventory is known."""
    resolved: Resolved | None
    """What is to run: the pinned configuration while it stays, else a new one."""
    selection: Raw | None
    """The explanation, as it is written or as it was read."""
    verdict: Verdict
    """RecipeSelected."""
    inspection: TrackedInspection | None = None
    """How far the files of the model are read, where nobody described it."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the explanation has about parts of the recipe that are left out."""
        written = (self.selection or {}).get("notes")
        return tuple(note for note in written if isinstance(note, str)) if isinstance(written, list) else ()


def decide(world: World, version: Version) -> EndpointDecision:
    """The decision for the endpoint of a sync."""
    world = with_pinned(world, version)
    model_id, inspection = world.spec.requested_model.id or "", inspect_model(world)
    models = with_inspected(described_models(world.models, model_id, world.namespace), model_id, inspection)
    pinned = remembered_part(world.before, "resolved", Resolved)
    full = full_hardware.observed(world, pinned)
    left = full_hardware.left_before(world, pinned) if version.rollback is None else ()
    related = world.spec, world.before, world.recipes, world.inventories, world.config
    asker = Asker(world.namespace, world.catalogue, groups=world.offers(LEADER_WORKER_SET))
    found = decide_for(
        *related, asker=asker, caches=world.caches, models=models, full_now=full, left=left, uses=world.uses
    )
    found = found._replace(verdict=while_inspecting(found.verdict, inspection), inspection=inspection)
    found = _without_failed(found, world, version)
    if found.pinned or not found.resolved or world.spec.recipe.update_policy == "Auto":
        return found
    running = world.running
    if running is None:
        return found
    return found._replace(resolved=found.resolved.model_copy(update={"template_version": running_template(running)}))


def with_pinned(world: World, version: Version) -> World:
    """The world with the configuration that is pinned for the version that is to run: that of a canary first."""
    pinned = tried(world) or version.resolved
    return world._replace(before={**world.before, "resolved": pinned.wire()}) if pinned else world


def _without_failed(found: EndpointDecision, world: World, version: Version) -> EndpointDecision:
    """The decision, with the pinned configuration instead of one that has failed and is not tried again."""
    failed = version.rollback.failed if version.rollback else None
    if failed is None or found.resolved is None or configuration_digest(found.resolved) != failed:
        return found
    return found._replace(resolved=found.pinned, selection=world.before.get("selection"))


def decide_for(  # noqa: PLR0913 - all that an endpoint relates
    spec: EndpointSpec,
    before: Raw,
    recipes: list[Raw],
    inventories: list[Raw],
    config: Config,
    *,
    asker: Asker,
    caches: list[Raw] | None = None,
    models: Described = NOTHING_DESCRIBED,
    full_now: FullHardware | None = None,
    left: tuple[FullHardware, ...] = (),
    uses: Sequence[NodeUse] | None = None,
) -> EndpointDecision:
    """The decision among the recipes that the endpoint relates; `before` is its status so far.

    `caches` are the AIMCaches that it may use; None where they are not known. `models` is what AIMModels give it,
    `full_now` the hardware of the pinned configuration, where its pods find no room; `uses` what pods request of nodes.
    `left` is what was full by the record of what runs in its place: where the status does not have that, it is from
    before, and pins nothing.
    """
    key = decided_for(spec)
    pinned = _in_full(remembered_part(before, "resolved", Resolved), key)
    same, goes_on = pinned is not None and pinned.decided_for == key, spec.recipe.when_full != "Wait"
    waits = not (same and goes_on)
    full_now = None if waits else full_now
    written = () if waits else full_hardware.recorded(before, key)
    known = full_hardware.joined(written, left if goes_on and (same or pinned is None) else ())
    is_behind = known != written
    new = full_hardware.is_new(full_now, known)
    full = full_hardware.added(full_now, known) if full_now and new else known
    related = spec, recipes, inventories, config, models
    chosen_by = partial(_select, *related, downloads=downloads_to_node(spec, caches), groups=asker.groups)
    room = free_capacity.known_room(spec, config, before, uses if pinned is None or pinned.decided_for != key else None)
    with_room = chosen_by(room=room._replace(full=full))
    has_room = with_room is None or with_room.resolved is not None
    fresh = with_room if has_room or not full else _although_full(chosen_by(room=room), full)
    fresh = with_suggestion(fresh, spec, before, asker) if fresh else None
    better = fresh.resolved if fresh else None
    differs = pinned is not None and better is not None and better.differs_from(pinned)
    leaves = full_now is not None and (new or has_room)
    leaves = leaves or (not waits and _came_instead(pinned, better, before, inventories))
    keeps = same and not is_behind and not (differs and (leaves or spec.recipe.update_policy == "Auto"))
    found = before.get("selection")
    explained: Raw = found if isinstance(found, dict) else {}
    if is_decided_for(str(explained.get("decidedFor")), key):
        explained = explained | {"decidedFor": key}
    return EndpointDecision(
        pinned=pinned,
        fresh=fresh,
        resolved=pinned if keeps else better or (None if is_behind else pinned),
        selection=explained if keeps or fresh is None else written_selection(fresh.selection),
        verdict=recipe_selected(fresh, pinned if keeps or not (better or is_behind) else None, key, explained),
    )


def _came_instead(pinned: Resolved | None, better: Resolved | None, before: Raw, inventories: list[Raw]) -> bool:
    """Whether an endpoint waits for a node that may come, while something else fits on those that are there."""
    if pinned is None or better is None or not pinned.may_come or better.may_come:
        return False
    statuses = (InventoryStatus.model_validate(one["status"]) for one in inventories if one.get("status"))
    there = {one.product for status in statuses for one in status.classes if not one.may_come}
    return pinned.product not in there and not full_hardware.was_ready(before)


def concerning(spec: EndpointSpec, recipes: Iterable[Raw]) -> list[Raw]:
    """Of all recipes those that the endpoint relates: the one that it names, else what serves or loads its model."""
    custom = spec.recipe.custom_recipe
    if custom:
        return [one for one in recipes if one["metadata"]["name"] == custom.name]
    return [recipe for recipe in recipes if spec.requested_model.id in {model_of(recipe), loaded_by(recipe)}]


def _in_full(pinned: Resolved | None, key: str) -> Resolved | None:
    """The pinned configuration, with the whole digest where an earlier release wrote a part of it."""
    if pinned is None or not is_decided_for(pinned.decided_for, key):
        return pinned
    return pinned.model_copy(update={"decided_for": key})


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
    room: Room,
    groups: bool,
) -> Decision | None:
    inventory = next((one for one in inventories if one.get("status")), None)
    if inventory is None:
        return None
    seen = versions([inventory, *recipes])
    groups = groups or not memoized(ON_SEVERAL_NODES, seen, lambda: any(map(is_on_several_nodes, recipes)))
    # All tenants share the stored decisions, so the key has what was requested, and no digest of it.
    selector = tuple(sorted(spec.node_selector.items()))
    stated = selection_steps(spec), spec.recipe.goal, spec.resources, selector, downloads, room, groups, models.key
    key = (*stated, config.digest, seen) if seen else None
    fresh = partial(_fresh, spec, recipes, inventory, config, models, downloads=downloads, room=room)
    return memoized(DECISIONS, key, partial(fresh, groups=groups, seen=seen))


def _fresh(  # noqa: PLR0913 - as decide_for
    spec: EndpointSpec,
    recipes: list[Raw],
    inventory: Raw,
    config: Config,
    models: Described,
    *,
    downloads: bool,
    room: Room,
    groups: bool,
    seen: Hashable,
) -> Decision:
    catalogue = [_entry(raw, config) for raw in recipes]
    status = InventoryStatus.model_validate(inventory["status"])

    def derive(classes: Sequence[GpuClass]) -> Sequence[CatalogueEntry]:
        read, drafts = versions(recipes), spec.recipe.draft is not None
        stated = spec.requested_model.id, read, models.key, config.digest, drafts
        key = (*stated, derivation_key(classes)) if seen else None
        derived = partial(derived_entries, catalogue, models.checkpoints, classes, config, with_drafts=drafts)
        return memoized(DERIVED_ENTRIES, key, derived)

    def downloaded(repository: str) -> bool:
        return downloads and _server_of(spec, models, repository) is None

    chosen = partial(select_with_coming, downloads=downloaded, room=room, derive=derive, groups=groups)
    found = chosen(spec, catalogue, status, config)
    found = _from_server(found, spec, models)
    remarks = () if found.resolved else (*models.remarks, *_underivable(found.selection, spec, models, config, status))
    if not remarks:
        return found
    message = "; ".join((found.selection.message, *remarks))[:4096]
    return found._replace(selection=found.selection.model_copy(update={"message": message}))


def _server_of(spec: EndpointSpec, models: Described, repository: str) -> ServedFrom | None:
    """Where an AIMModel has the files of a repository, unless the endpoint states which ones it loads."""
    return None if spec.requested_model.pinned else models.server_of(repository)


def _from_server(decision: Decision, spec: EndpointSpec, models: Described) -> Decision:
    """The decision with where the files are by an AIMModel."""
    resolved = decision.resolved
    at = _server_of(spec, models, resolved.checkpoint) if resolved else None
    if resolved is None or at is None:
        return decision
    return decision._replace(resolved=resolved.model_copy(update={"source": at.source, "access": at.access}))


def _underivable(
    selection: Selection, spec: EndpointSpec, models: Described, config: Config, inventory: InventoryStatus
) -> Iterator[str]:
    """That AIMModels have the model, and no GPU is for it; `while_inspecting` has the same of inspected files."""
    names = [one.origin for one in models.checkpoints if not one.origin.startswith(FILES_OF)]
    bounded = spec.recipe.custom_recipe or spec.recipe.validated_only or config.derive == "Never"
    if names and not selection.considered and not bounded:
        yield f"nothing can be derived from {' and '.join(names)} for the GPUs of this cluster"
    if (models.checkpoints or selection.considered) and not bounded:
        yield from undescribed_notes(inventory.classes, known_products(config.hardware))


def _entry(recipe: Raw, config: Config) -> CatalogueEntry:
    name, spec = recipe["metadata"]["name"], recipe.get("spec")
    text = text_of(spec)
    size, key = (len(text), (name, text, config.digest)) if text is not None else (0, None)
    return memoized(ENTRIES, key, lambda: (size, read_entry(name, spec, known_products(config.hardware))))[1]
