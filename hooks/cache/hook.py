"""The cache hook: a volume that is large enough, a Job for each missing model, and the status of both."""

from datetime import datetime
from typing import Any

from aimlib.api import API_VERSION
from aimlib.api.cache import CachedModelSpec, CacheSpec
from aimlib.api.cache_status import CacheStatus
from aimlib.api.meta import Raw
from aimlib.caching.capacity import model_sizes, recipe_sizes, required_space
from aimlib.caching.gated_models import gated_models
from aimlib.caching.job_reports import Reports, model_key, read_reports
from aimlib.caching.newest import may_move
from aimlib.caching.usage import claim_label, own_claim, usage_label, used_by
from aimlib.caching.weight_files import with_loaded_files
from aimlib.config import Config
from aimlib.diagnosis.scheduling import CLAIM_GRACE_SECONDS
from aimlib.kube.timestamp import format_timestamp
from aimlib.naming import CHECKPOINT_LABEL, DRAFT_LABEL, ENDPOINT_LABEL, MODEL_LABEL, model_label
from aimlib.protocol.conditions import Verdict, ready_condition
from aimlib.protocol.given_up import ServerAnswers
from aimlib.protocol.metacontroller import BadRequestError, Request, prune, written_status
from aimlib.protocol.observations import SYNC_ERRORS
from aimlib.protocol.observed import DEPLOYMENT, GRACE_SECONDS, condition_of, last_changed, overdue, phase_of
from aimlib.protocol.reasons import phase
from aimlib.protocol.unreadable import spec_message, unreadable_spec
from aimlib.schema.parsing import parse_again
from hooks.cache import status as report
from hooks.cache.children.jobs import check_cron_job, cleanup_cron_job, download_job
from hooks.cache.children.owner import CacheOwner
from hooks.cache.children.reporter import reporting_children
from hooks.cache.models import CacheWorld, TrackedModel, is_desired, track_models
from hooks.cache.own_names import without_foreign_names
from hooks.cache.volume import CacheVolume, claim_requested_since, storage_ready
from hooks.objects.hub_token import token_refusal
from hooks.objects.observed_job import ObservedJob, observed_job
from hooks.objects.volume_claim import former_claim_warning, former_claims, volume_claim

RECIPES_KEY = f"AIMRecipe.{API_VERSION}"
CLAIMS_KEY = "PersistentVolumeClaim.v1"
VOLUME_CHILDREN = frozenset({"ConfigMap", "Job"})
"""Kinds of children that belong to the present volume."""


def read_cache_spec(parent: Raw) -> CacheSpec:
    """The parent's spec. BadRequestError where the CRD should have refused it."""
    return parse_again(CacheSpec, parent.get("spec"))


def customize(request: Request) -> dict[str, Any]:
    """Selects the cache's users, the models' recipes, the storage classes, and an existing PersistentVolumeClaim."""
    request.expect(API_VERSION, "AIMCache")
    metadata = request.parent["metadata"]
    try:
        spec = read_cache_spec(request.parent)
    except BadRequestError:
        return {"relatedResources": []}
    namespace = metadata.get("namespace", "default")
    deployments = {"apiVersion": "apps/v1", "resource": "deployments", "namespace": namespace}
    uses_this_cache = {"matchExpressions": [{"key": usage_label(metadata["name"]), "operator": "Exists"}]}
    rules: list[Raw] = [
        {**deployments, "labelSelector": uses_this_cache},
        {"apiVersion": "v1", "resource": "services", "namespace": namespace, "labelSelector": uses_this_cache},
        {"apiVersion": "storage.k8s.io/v1", "resource": "storageclasses"},
    ]
    if models := sorted(model_label(model.id) for model in spec.models):
        for label in (CHECKPOINT_LABEL, DRAFT_LABEL, MODEL_LABEL):
            selector = {"matchExpressions": [{"key": label, "operator": "In", "values": models}]}
            rules.append({"apiVersion": API_VERSION, "resource": "aimrecipes", "labelSelector": selector})
    if claim := spec.storage.existing_claim:
        by_name = {"namespace": namespace, "names": [claim]}
        rules.append({"apiVersion": "v1", "resource": "persistentvolumeclaims", **by_name})
        # Another cache may have the same claim, and its endpoints use the volume.
        of_endpoints = {"matchExpressions": [{"key": ENDPOINT_LABEL, "operator": "Exists"}]}
        rules.append({**deployments, "labelSelector": of_endpoints})
    else:
        mounts_its_claim = {
            "matchExpressions": [{"key": claim_label(own_claim(metadata["name"])), "operator": "Exists"}]
        }
        rules.append({**deployments, "labelSelector": mounts_its_claim})
    return {"relatedResources": rules}


def sync(request: Request, config: Config) -> dict[str, Any]:
    """Status and children of one cache."""
    request.expect(API_VERSION, "AIMCache")
    metadata = request.parent["metadata"]
    try:
        spec = read_cache_spec(request.parent)
    except BadRequestError as error:
        return unreadable_spec(request, Verdict("StorageReady", False, "SpecInvalid", spec_message(error)))
    recipes = request.found(RECIPES_KEY) if spec.models else []
    spec = spec.model_copy(update={"models": with_loaded_files(spec.models, recipes)})
    owner = CacheOwner(metadata["name"], metadata.get("namespace", "default"), spec, config)
    claim = _observed_claim(request, owner)
    reported_uid, uid = _reported_uid(request), _uid(claim)
    stale = _is_stale(request, reported_uid, uid)
    observed_world = _read_world(request, owner, recipes)
    world_now = _without_reports(observed_world) if stale else observed_world
    volume = _volume(request, owner, world_now, claim)
    world = world_now._replace(has_room=volume.usable)
    models = track_models(spec, world)
    storage_condition, models_condition = storage_ready(volume), report.models_ready(models)
    verdict = ready_condition(storage_condition, models_condition)
    newest = report.sources_up_to_date(spec, models, world.reports)
    next_cleanup = report.next_cleanup(spec.cleanup, request.now)
    deleting = bool(metadata.get("deletionTimestamp"))
    desired = [model for model in models if model.desired]
    built = _children(owner, volume, models, next_cleanup)
    former = former_claims(built, request.observed(CLAIMS_KEY))
    status = CacheStatus(
        phase="Deleting" if deleting else phase("AIMCache", verdict),
        message=(report.deletion_message(models) if deleting else verdict.message)[:4096],
        models=f"{sum(model.status.status == 'Ready' for model in desired)}/{len(desired)}",
        progress=report.download_progress(models, world.reports),
        storage=report.storage_status(volume, world.reports, reported_uid if stale else uid or reported_uid),
        cached_models=tuple(model.status for model in models),
        usage=report.usage_status(models, world.reports, next_cleanup),
        cleanup=report.cleanup_status(spec, world.reports, models, next_cleanup),
        warnings=tuple(
            warning[:4096]
            for warning in (
                *report.cache_warnings(spec, volume, world.reports, _checkpoints_instead(spec, recipes), next_cleanup),
                *map(former_claim_warning, former),
                *report.maker_warnings(volume),
                *report.check_warnings(spec, world.reports),
                *report.gated_warnings(spec, models, gated_models(recipes), config.token_secret),
            )
        ),
        conditions=tuple(
            one.condition(metadata.get("generation")) for one in (verdict, storage_condition, models_condition, *newest)
        ),
    )
    resync = 0 if phase_of(volume.observed) == "Bound" else CLAIM_GRACE_SECONDS if volume.observed else GRACE_SECONDS
    children = [
        prune(child)
        for child in without_foreign_names(built, request.children)
        if not (stale and child["kind"] in VOLUME_CHILDREN)
    ]
    return {"status": written_status(status.wire()), "children": [*children, *former]} | (
        {"resyncAfterSeconds": resync + 1} if resync else {}
    )


def _observed_claim(request: Request, owner: CacheOwner) -> Raw | None:
    claims = request.found(CLAIMS_KEY) if owner.spec.storage.existing_claim else request.observed(CLAIMS_KEY)
    return next((claim for claim in claims if claim["metadata"]["name"] == owner.claim), None)


def _uid(claim: Raw | None) -> str | None:
    uid = claim["metadata"].get("uid") if claim else None
    return str(uid) if uid else None


def _reported_uid(request: Request) -> str | None:
    """The uid of the claim that the reports are about."""
    storage = (request.parent.get("status") or {}).get("storage") or {}
    return storage.get("pvcUid")


def _is_stale(request: Request, before: str | None, uid: str | None) -> bool:
    """Whether there are reports or Jobs of another claim than the present one.

    They are deleted first, and created again once they are gone.
    """
    left = any(request.observed(kind) for kind in ("ConfigMap.v1", "Job.batch/v1"))
    return left and None not in (before, uid) and before != uid


def _without_reports(world: CacheWorld) -> CacheWorld:
    """The world without the reports and Jobs of a former volume."""
    return world._replace(reports=Reports(), jobs={model: ObservedJob(one.name) for model, one in world.jobs.items()})


def _read_world(request: Request, owner: CacheOwner, recipes: list[Raw]) -> CacheWorld:
    state = [one for one in request.observed("ConfigMap.v1") if one["metadata"]["name"] == owner.state]
    before = (request.parent.get("status") or {}).get("cachedModels") or ()
    models = owner.spec.models
    listed = [model_key(model.id, model.revision) for model in models]
    return CacheWorld(
        reports=read_reports(state[0].get("data") or {}, listed) if state else Reports(),
        users=used_by([*request.found(DEPLOYMENT), *request.found("Service.v1")], owner.name, owner.claim),
        sizes=model_sizes(models, recipe_sizes(recipes)),
        jobs={one.id: observed_job(request.observed("Job.batch/v1"), owner.job(one)) for one in models},
        previous={(one["id"], one["revision"]): one for one in before},
        now=format_timestamp(request.now),
        checks=owner.spec.updates.enabled,
        token_refusal=token_refusal(owner.spec.hub, owner.config.token_hubs),
    )


def _volume(request: Request, owner: CacheOwner, world: CacheWorld, found: Raw | None) -> CacheVolume:
    spec = owner.spec
    # Offline nothing is added to the volume, whatever its claim requests.
    added = () if spec.hub.offline else spec.models
    now = {one.id: world.sizes[one.id] for one in added if is_desired(one, world.reports, world.users)}
    before, changed_at = condition_of(request.parent.get("status") or {}, "StorageReady"), last_changed(request.parent)
    errors = request.observations.get(SYNC_ERRORS)
    return CacheVolume(
        name=owner.claim,
        storage=spec.storage,
        listed=required_space(world.sizes),
        desired=required_space(now),
        observed=found,
        classes=request.found("StorageClass.storage.k8s.io/v1"),
        overdue=overdue(request.now, claim_requested_since(request), CLAIM_GRACE_SECONDS if found else GRACE_SECONDS),
        answers=ServerAnswers(errors, before, request.parent["metadata"].get("generation"), changed_at, request.now),
    )


def _checkpoints_instead(spec: CacheSpec, recipes: list[Raw]) -> dict[str, tuple[str, ...]]:
    """The checkpoints that recipes load instead of a listed model, by model that no recipe loads itself."""
    pairs = [
        (recipe["spec"].get("modelId"), recipe["spec"].get("checkpoint")) for recipe in recipes if recipe.get("spec")
    ]
    itself = {loaded or model for model, loaded in pairs}
    others = {one.id: sorted({loaded for model, loaded in pairs if loaded and model == one.id}) for one in spec.models}
    return {model: tuple(found) for model, found in others.items() if found and model not in itself}


def _is_checked(owner: CacheOwner, model: CachedModelSpec) -> bool:
    """Whether it is looked what the source of a model names now."""
    spec = owner.spec
    refused = model.of_hub and token_refusal(spec.hub, owner.config.token_hubs)
    return spec.updates.enabled and may_move(model) and not (spec.hub.offline or refused)


def _children(
    owner: CacheOwner, volume: CacheVolume, models: tuple[TrackedModel, ...], next_cleanup: datetime | None
) -> list[Raw]:
    """The claim, the objects for reports, a Job for each missing model that fits, and the CronJob of clean-ups."""
    storage = owner.spec.storage
    children = reporting_children(owner)
    if volume.own and volume.size:
        claim_spec = (volume.observed or {}).get("spec") or {}
        modes = claim_spec.get("accessModes") or [storage.access_mode]
        storage_class = volume.class_name if storage.storage_class and volume.class_name else storage.storage_class
        children.append(volume_claim(owner.metadata(owner.claim), volume.size, modes, storage_class))
    ready = {model.status.id for model in models if model.status.status == "Ready"}
    checked = [one for one in owner.spec.models if one.id in ready and _is_checked(owner, one)]
    jobs = {model.status.id for model in models if model.job_desired and (volume.usable or model.job_exists)}
    children += [download_job(owner, model) for model in owner.spec.models if model.id in jobs]
    if next_cleanup and (volume.observed or volume.usable):
        children.append(cleanup_cron_job(owner))
    children += [check_cron_job(owner, model) for model in checked]
    return children
