"""The cache hook: a volume that is large enough, a Job for each model that is missing, and an account of all of it."""

from datetime import datetime
from typing import Any

from aimlib.api import API_VERSION
from aimlib.api.cache import CacheSpec
from aimlib.api.cache_status import CacheStatus
from aimlib.api.meta import Raw
from aimlib.caching.capacity import model_sizes, recipe_sizes, required_space
from aimlib.caching.job_reports import Reports, read_reports
from aimlib.caching.usage import usage_label, used_by
from aimlib.config import Config
from aimlib.kube.timestamp import format_timestamp
from aimlib.naming import CHECKPOINT_LABEL, MODEL_LABEL, model_label
from aimlib.protocol.conditions import first_objection
from aimlib.protocol.metacontroller import Request, prune
from aimlib.protocol.observed import CLAIM_GRACE_SECONDS, GRACE_SECONDS, last_changed, overdue, phase_of
from aimlib.protocol.reasons import phase
from aimlib.schema.parsing import parse_as
from hooks.cache import status as report
from hooks.cache.children.jobs import cleanup, download
from hooks.cache.children.owner import CacheOwner
from hooks.cache.children.reporter import reporting
from hooks.cache.models import Account, Job, World, accounts, observed_job, wanted
from hooks.cache.volume import Volume, storage_ready
from hooks.objects.volume_claim import volume_claim

RECIPES = f"AIMRecipe.{API_VERSION}"
CLAIMS = "PersistentVolumeClaim.v1"
REPORTING = frozenset({"ConfigMap", "Job"})
"""Kinds of children that are about the volume as it is."""


def read_spec(parent: Raw) -> CacheSpec:
    """The parent's spec; BadRequestError in words where the CRD should have refused it."""
    return parse_as(CacheSpec, parent.get("spec"))


def customize(request: Request) -> dict[str, Any]:
    """Who uses the cache, what the models' recipes know, the storage classes, and a claim that is not its own."""
    request.expect(API_VERSION, "AIMCache")
    spec, metadata = read_spec(request.parent), request.parent["metadata"]
    namespace = metadata.get("namespace", "default")
    users = {"matchExpressions": [{"key": usage_label(metadata["name"]), "operator": "Exists"}]}
    rules: list[Raw] = [
        {"apiVersion": "v1", "resource": "services", "namespace": namespace, "labelSelector": users},
        {"apiVersion": "storage.k8s.io/v1", "resource": "storageclasses"},
    ]
    if models := sorted(model_label(one.id) for one in spec.models):
        for label in (CHECKPOINT_LABEL, MODEL_LABEL):
            selector = {"matchExpressions": [{"key": label, "operator": "In", "values": models}]}
            rules.append({"apiVersion": API_VERSION, "resource": "aimrecipes", "labelSelector": selector})
    if claim := spec.storage.existing_claim:
        named = {"namespace": namespace, "names": [claim]}
        rules.append({"apiVersion": "v1", "resource": "persistentvolumeclaims", **named})
    return {"relatedResources": rules}


def sync(request: Request, config: Config) -> dict[str, Any]:
    """Status and children of one cache."""
    request.expect(API_VERSION, "AIMCache")
    spec, metadata = read_spec(request.parent), request.parent["metadata"]
    owner = CacheOwner(metadata["name"], metadata.get("namespace", "default"), spec, config)
    recipes = request.found(RECIPES) if spec.models else []
    claim = _claim(request, owner)
    before, uid = _uid_before(request), _uid(claim)
    stale = _is_stale(request, before, uid)
    seen = _world(request, owner, recipes)
    known = _forgotten(seen) if stale else seen
    volume = _volume(request, owner, known, claim)
    world = known._replace(room=volume.usable)
    found = accounts(spec, world)
    storage, models = storage_ready(volume), report.models_ready(found)
    verdict = first_objection(storage, models)
    due = report.next_cleanup(spec.cleanup, request.now)
    going = bool(metadata.get("deletionTimestamp"))
    counted = [one for one in found if one.wanted]
    status = CacheStatus(
        phase="Deleting" if going else phase("AIMCache", verdict),
        message=(report.deletion(found) if going else verdict.message)[:4096],
        models=f"{sum(one.status.status == 'Ready' for one in counted)}/{len(counted)}",
        progress=report.running(found, world.reports),
        storage=report.storage(volume, world.reports, before if stale else uid or before),
        cached_models=tuple(one.status for one in found),
        usage=report.usage(found, world.reports, due),
        cleanup=report.removals(spec, world.reports, found, due),
        warnings=tuple(one[:4096] for one in report.warnings(spec, volume, world.reports, _loaded(spec, recipes), due)),
        conditions=tuple(one.condition(metadata.get("generation")) for one in (verdict, storage, models)),
    )
    again = 0 if phase_of(volume.found) == "Bound" else CLAIM_GRACE_SECONDS if volume.found else GRACE_SECONDS
    children = [
        prune(child) for child in _children(owner, volume, found, due) if not (stale and child["kind"] in REPORTING)
    ]
    return {"status": prune(status.wire()), "children": children} | ({"resyncAfterSeconds": again + 1} if again else {})


def _claim(request: Request, owner: CacheOwner) -> Raw | None:
    claims = request.found(CLAIMS) if owner.spec.storage.existing_claim else request.observed(CLAIMS)
    return next((one for one in claims if one["metadata"]["name"] == owner.claim), None)


def _uid(claim: Raw | None) -> str | None:
    uid = claim["metadata"].get("uid") if claim else None
    return str(uid) if uid else None


def _uid_before(request: Request) -> str | None:
    """The uid of the claim that the reports are about."""
    storage = (request.parent.get("status") or {}).get("storage") or {}
    return storage.get("pvcUid")


def _is_stale(request: Request, before: str | None, uid: str | None) -> bool:
    """Whether reports, or Jobs, are still there that are about another claim than the present one.

    They are deleted first, and made anew once they are gone.
    """
    there = any(request.observed(kind) for kind in ("ConfigMap.v1", "Job.batch/v1"))
    return there and None not in (before, uid) and before != uid


def _forgotten(world: World) -> World:
    """What is left where the volume is another one."""
    return world._replace(reports=Reports(), jobs={model: Job(one.name) for model, one in world.jobs.items()})


def _world(request: Request, owner: CacheOwner, recipes: list[Raw]) -> World:
    state = [one for one in request.observed("ConfigMap.v1") if one["metadata"]["name"] == owner.state]
    before = (request.parent.get("status") or {}).get("cachedModels") or ()
    models = owner.spec.models
    return World(
        reports=read_reports(state[0].get("data") or {}) if state else Reports(),
        users=used_by(request.found("Service.v1"), owner.name),
        sizes=model_sizes(models, recipe_sizes(recipes)),
        jobs={one.id: observed_job(request, owner.job(one)) for one in models},
        before={(one["id"], one["revision"]): one for one in before},
        now=format_timestamp(request.now),
    )


def _volume(request: Request, owner: CacheOwner, world: World, found: Raw | None) -> Volume:
    spec = owner.spec
    # Offline nothing is added to what is on the volume, whatever its claim asked for.
    added = () if spec.hub.offline else spec.models
    now = {one.id: world.sizes[one.id] for one in added if wanted(one, world.reports, world.users)}
    return Volume(
        name=owner.claim,
        storage=spec.storage,
        listed=required_space(world.sizes),
        wanted=required_space(now),
        found=found,
        classes=request.found("StorageClass.storage.k8s.io/v1"),
        overdue=overdue(request.now, last_changed(request.parent), CLAIM_GRACE_SECONDS if found else GRACE_SECONDS),
    )


def _loaded(spec: CacheSpec, recipes: list[Raw]) -> dict[str, tuple[str, ...]]:
    """By listed model that no recipe loads: what recipes load for it instead."""
    pairs = [(one["spec"].get("modelId"), one["spec"].get("checkpoint")) for one in recipes if one.get("spec")]
    itself = {loaded or model for model, loaded in pairs}
    others = {one.id: sorted({loaded for model, loaded in pairs if loaded and model == one.id}) for one in spec.models}
    return {model: tuple(found) for model, found in others.items() if found and model not in itself}


def _children(owner: CacheOwner, volume: Volume, found: tuple[Account, ...], due: datetime | None) -> list[Raw]:
    """The claim as it can be, those who report, a Job for each model that is missing and has room, and clean-ups."""
    asked = owner.spec.storage
    children = reporting(owner)
    if volume.own and volume.size:
        has = (volume.found or {}).get("spec") or {}
        modes = has.get("accessModes") or [asked.access_mode]
        storage_class = volume.class_name if asked.storage_class and volume.class_name else asked.storage_class
        children.append(volume_claim(owner.metadata(owner.claim), volume.size, modes, storage_class))
    jobs = {one.status.id for one in found if one.job and (volume.usable or one.there)}
    children += [download(owner, model) for model in owner.spec.models if model.id in jobs]
    if due and (volume.found or volume.usable):
        children.append(cleanup(owner))
    return children
