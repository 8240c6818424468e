"""Finds the facts of a model that neither a recipe nor an AIMModel describes, for one endpoint, with its own token.

What is found stays in the endpoint's status and its ConfigMap; nothing of it reaches another namespace.
"""

from pydantic import ValidationError

from aimlib.api.cache import CacheSpec, HubSpec
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.meta import Raw
from aimlib.api.source import SourceAccess, parse_source
from aimlib.config import Config
from aimlib.derive.described import FILES_OF, Described, inspected_checkpoint
from aimlib.naming import ENDPOINT_LABEL, label_value
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import phase_of
from aimlib.selection.steps import decided_for, is_decided_for
from hooks.endpoint.children.engine_hub import engine_hub
from hooks.endpoint.world import World
from hooks.inspection.state import TrackedInspection, progress_text, track_inspection
from hooks.inspection.subject import CLAIM_KIND, HUB, UNREAD, Subject, Unread, reports_name


def may_inspect(spec: EndpointSpec, config: Config) -> bool:
    """Whether candidates may be derived for an endpoint from what nobody described, wherever its files are."""
    alone = spec.recipe.custom_recipe or spec.recipe.validated_only
    return config.derive == "Always" and not alone


def inspect_model(world: World) -> TrackedInspection | None:
    """How far the files of the model are read; None where that is neither needed nor what the endpoint runs by.

    None begins before the inventory is known, and one that has begun stays where the inventory is lost.
    """
    begun = world.child("ConfigMap.v1", reports_name(world.name)) is not None
    if not may_inspect(world.spec, world.config) or not (begun or any(one.get("status") for one in world.inventories)):
        return None
    if not (_is_needed(world) or _runs_by_it(world)):
        return None
    model = world.spec.requested_model
    hub, hub_unknown = _hub(world)
    source, access = _source(world)
    kind = parse_source(source).kind if source else HUB
    claim = world.source_claim if kind == CLAIM_KIND else None
    subject = Subject(
        name=world.name,
        namespace=world.namespace,
        repository=model.id or "",
        stated_revision=model.revision,
        hub=hub,
        source=source,
        access=access,
        obstacle=_obstacle(world, kind, source, hub_unknown),
        claim_unbound=claim is not None and phase_of(claim) == "Pending",
        identity=_identity(world) if model.mounted else {},
        config=world.config,
        labels={ENDPOINT_LABEL: label_value(world.name)},
    )
    return track_inspection(subject, world.children, world.before.get("inspection"))


def _is_needed(world: World) -> bool:
    """Whether nobody described the model, and nothing is selected for what the spec requests.

    What runs after its status was lost is not replaced by what is derived, unless it was that before.
    """
    if world.recipes or world.models:
        return False
    pinned = world.before.get("resolved")
    if pinned:
        return not is_decided_for(str(pinned.get("decidedFor")), decided_for(world.spec))
    running = world.running
    return running is None or world.child("ConfigMap.v1", reports_name(world.name)) is not None


def _runs_by_it(world: World) -> bool:
    """Whether the pinned configuration is derived from what was found for the model."""
    pinned = world.before.get("resolved") or {}
    origin = f"{FILES_OF} {world.spec.requested_model.id} "
    return pinned.get("modelId") == world.spec.requested_model.id and str(pinned.get("derivedFrom")).startswith(origin)


def _hub(world: World) -> tuple[HubSpec, str]:
    """Where the files are: at the hub of the endpoint's cache, else of the engine's variables; with the own token.

    And why that is not known: another hub is never requested instead, which would be told the names of models.
    """
    cache = _cache(world)
    found, unknown = (cache.hub, "") if cache else engine_hub(world.spec)
    own = world.spec.requested_model.token_secret
    return (found.model_copy(update={"token_secret": own}) if own else found), unknown


def _source(world: World) -> tuple[str | None, SourceAccess | None]:
    """The source that the endpoint states for the model, else its cache, and how that is reached."""
    model = world.spec.requested_model
    if model.source:
        return model.source, model.access
    cache = _cache(world)
    listed = next((one for one in cache.models if one.id == model.id), None) if cache else None
    return (listed.source, listed.access) if listed else (None, None)


def _obstacle(world: World, kind: str, source: str | None, hub_unknown: str) -> Unread | None:
    """Why the files are not read, where that is known before a Job tries."""
    model = world.spec.requested_model
    if kind == HUB and hub_unknown:
        return Unread("HubInvalid", f"{hub_unknown}, and so {UNREAD}")
    if kind != CLAIM_KIND or not model.mounted:  # the claim of a cache's source is not observed here
        return None
    place, name = world.namespace, f"PersistentVolumeClaim {parse_source(source or '').name}"
    if world.source_claim is None:
        return Unread("ClaimNotFound", f"{name} is not in namespace {place}: create it, or correct model.source")
    if phase_of(world.source_claim) == "Lost":
        return Unread("ClaimLost", f"{name} has lost its volume: restore that, or name another claim in model.source")
    return None


def _identity(world: World) -> Raw:
    """The user and the groups of the engine, where they are stated: who may read the files. Never root."""
    stated = world.spec.security.pod_security_context
    user = {"runAsUser": stated.run_as_user} if stated.run_as_user else {}
    group = {"runAsGroup": stated.run_as_group} if stated.run_as_group is not None else {}
    more = {"fsGroup": stated.fs_group, "supplementalGroups": list(stated.supplemental_groups)}
    return {**user, **group, **{key: value for key, value in more.items() if value}}


def _cache(world: World) -> CacheSpec | None:
    """The cache that the endpoint names, else the first that lists the model."""
    stated, model = world.spec.cache.name, world.spec.requested_model.id
    for raw in world.caches:
        try:
            spec = CacheSpec.model_validate(raw.get("spec"))
        except ValidationError:  # reported with the cache
            continue
        if stated or model in {one.id for one in spec.models}:
            return spec
    return None


def with_inspected(models: Described, model_id: str, inspection: TrackedInspection | None) -> Described:
    """What AIMModels describe, else what was found for this endpoint alone."""
    own = inspected_checkpoint(model_id, inspection.status) if inspection else None
    return models if models.checkpoints or models.remarks or own is None else models._replace(checkpoints=(own,))


def while_inspecting(verdict: Verdict, inspection: TrackedInspection | None) -> Verdict:
    """RecipeSelected, with how far the model's files are read where nothing else is known of it."""
    if verdict.met or verdict.reason != "NoRecipe" or inspection is None:
        return verdict
    found = inspection.status
    message = f"{verdict.message}; {progress_text(found)}"
    if found.state == "Found":
        nothing = f"nothing can be derived from {FILES_OF} {found.repository} for the GPUs of this cluster"
        return verdict._replace(message=f"{verdict.message}; {nothing}")
    if found.state == "Failed":
        return Verdict("RecipeSelected", False, "ModelNotInspected", message)
    return Verdict("RecipeSelected", False, "ModelInspecting", message)


def code_warnings(inspection: TrackedInspection | None) -> tuple[str, ...]:
    """A warning about code among the model's files."""
    if inspection is None or not inspection.status.remote_code:
        return ()
    name = inspection.status.repository
    return (f"{name} has code of its own (auto_map), which is never run for what is derived: it may not load",)
