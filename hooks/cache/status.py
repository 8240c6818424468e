"""Builds the status of a cache; whole in each sync, since a field that is left out is removed."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from aimlib.api.cache import CacheCleanup, CacheSpec
from aimlib.api.cache_status import (
    CacheCleanupStatus,
    CachedModelStatus,
    CacheRemoval,
    CacheStorageStatus,
    CacheUsage,
)
from aimlib.api.endpoint_choice import TokenSecret
from aimlib.caching.byte_sizes import format_bytes, format_progress, short_quantity
from aimlib.caching.eviction import cleanup_policy, plan_removals, stored_models
from aimlib.caching.gated_models import token_advice
from aimlib.caching.job_reports import DEFAULT_REVISION, MAX_REPORTS, RemovedModel, Reports
from aimlib.caching.newest import may_move
from aimlib.kube.cron import ScheduleError, times
from aimlib.kube.timestamp import format_timestamp
from aimlib.printable import printable
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import phase_of
from hooks.cache.models import TrackedModel
from hooks.cache.volume import CacheVolume

MAX_KEYS = 8
"""Most keys of reports that a warning names."""


def models_ready(models: Sequence[TrackedModel]) -> Verdict:
    """The condition ModelsReady: whether every desired model is on the volume."""
    desired = [model.status for model in models if model.desired]
    ready = sum(model.status == "Ready" for model in desired)
    failed = [_with_model(model.id, model.message or "") for model in desired if model.status == "Failed"]
    in_progress = [_progress_message(model) for model in desired if model.status not in {"Ready", "Failed"}]
    counted = f"{ready} of {len(desired)} models cached"
    name = "ModelsReady"
    if any(model.reason == "TokenNotAllowed" for model in desired):
        refused = next(model.message for model in desired if model.reason == "TokenNotAllowed")
        return Verdict(name, False, "TokenNotAllowed", str(refused))
    if failed:
        return Verdict(name, False, "DownloadFailed", "; ".join(failed))
    if in_progress:
        return Verdict(name, False, "Downloading", f"{counted}; {', '.join(in_progress)}")
    return Verdict(name, True, "AllCached", counted if desired else "no model is needed now")


def sources_up_to_date(spec: CacheSpec, models: Sequence[TrackedModel], reports: Reports) -> tuple[Verdict, ...]:
    """The condition UpToDate: whether sources name what is on the volume; none where nobody looks."""
    if not spec.updates.enabled:
        return ()
    name = "UpToDate"
    if newer := [str(model.status.newest_message) for model in models if model.status.newest]:
        return (Verdict(name, False, "ModelVersionAvailable", "; ".join(newer)),)
    moving = [model for model in spec.models if may_move(model)]
    looked = sum(bool(reports.newest_of(one.id, one.revision or DEFAULT_REVISION)) for one in moving)
    named = f"what its sources name: {looked} of {len(moving)} were looked at" if moving else "all of them are pinned"
    return (Verdict(name, True, "Current", f"nothing newer is known than is cached; {named}"),)


def check_warnings(spec: CacheSpec, reports: Reports) -> Iterator[str]:
    """A warning for each model of which it could not be found what its source names now."""
    for model in spec.models if spec.updates.enabled else ():
        found = reports.newest_of(model.id, model.revision or DEFAULT_REVISION)
        if found and found.message and found.source == model.source:
            yield f"whether {model.id} has a newer version is not known: {found.message}"


def _progress_message(model: CachedModelStatus) -> str:
    progress = model.progress or "starting"
    doing = {
        "Waiting": str(model.message),
        "Verifying": f"verifying, {progress}",
        "Downloading": progress,
    }
    return _with_model(model.id, doing[model.status])


def _with_model(model: str, message: str) -> str:
    """The message with the model's id, unless it has that already."""
    return message if model in message else f"{model}: {message}"


def deletion_message(models: Sequence[TrackedModel]) -> str:
    """The message of a cache that is being deleted, with its users."""
    users = sorted({user for model in models for user in model.status.used_by})
    if not users:
        return "being deleted, and not in use"
    return (
        f"being deleted while {', '.join(users)} use{'s' * (len(users) == 1)} it: running pods keep the volume until "
        "they end, and new ones cannot start"
    )


def download_progress(models: Sequence[TrackedModel], reports: Reports) -> str | None:
    """The progress of all running downloads together."""
    in_progress = [model.status for model in models if model.status.status in {"Downloading", "Verifying"}]
    amounts = [(model.done, model.total) for at in in_progress if (model := reports.of(at.id, at.revision))]
    measured = [(min(done, total), total) for done, total in amounts if total]
    return format_progress(sum(done for done, _ in measured), sum(total for _, total in measured)) if measured else None


def storage_status(volume: CacheVolume, reports: Reports, uid: str | None) -> CacheStorageStatus:
    """The claim, and sizes measured on the volume. `uid` is that of the claim that the reports belong to."""
    measured = reports.volume
    return CacheStorageStatus(
        pvc_name=volume.name,
        pvc_uid=uid,
        pvc_phase=phase_of(volume.observed) or None,
        requested_size=volume.size,
        total_size=measured and short_quantity(measured.total),
        used_size=measured and short_quantity(measured.used),
        available_size=measured and short_quantity(measured.available),
        usage_percentage=(
            round(100 * (measured.total - measured.available) / measured.total, 1)
            if measured and measured.total
            else None
        ),
    )


def usage_status(models: Sequence[TrackedModel], reports: Reports, next_cleanup: datetime | None) -> CacheUsage:
    return CacheUsage(
        total_models=sum(model.status.status == "Ready" for model in models),
        active_models=sum(bool(model.status.used_by) for model in models),
        last_cleanup=reports.cleanup and reports.cleanup.ended,
        next_cleanup=next_cleanup and format_timestamp(next_cleanup),
    )


def next_cleanup(cleanup: CacheCleanup, now: datetime) -> datetime | None:
    """When the CronJob runs next; None where it is disabled, or its day never comes."""
    if not cleanup.enabled:
        return None
    try:
        return next(times(cleanup.schedule, "UTC", now), None)
    except ScheduleError:  # such as the 31st of February, and from 5 to 1 o'clock, which the API server refuses
        return None


def cleanup_status(
    spec: CacheSpec, reports: Reports, models: Sequence[TrackedModel], next_cleanup: datetime | None
) -> CacheCleanupStatus | None:
    """What the next clean-up would remove now, and what the last one removed."""
    last = reports.cleanup
    if next_cleanup is None and last is None:
        return None
    rated = stored_models(spec, reports.models.values(), [model.status for model in models])
    free = reports.volume.available if reports.volume else None
    planned = plan_removals(rated, cleanup_policy(spec.cleanup), free, next_cleanup) if next_cleanup else ()
    return CacheCleanupStatus(
        planned=tuple(
            CacheRemoval(id=model.id, revision=model.revision, size=short_quantity(model.bytes), why=model.why)
            for model in planned
        ),
        removed=tuple(_removed(model) for model in last.removed) if last else (),
        message=last and last.message,
    )


def _removed(model: RemovedModel) -> CacheRemoval:
    return CacheRemoval(id=model.id, revision=model.revision, size=short_quantity(model.bytes), why=model.why)


def maker_warnings(volume: CacheVolume) -> Iterator[str]:
    """A warning about an existing claim that does not stay by itself."""
    if volume.maker:
        yield f"PersistentVolumeClaim {volume.name} belongs to {volume.maker}, and is deleted with it and all models"


def gated_warnings(
    spec: CacheSpec, models: Sequence[TrackedModel], gated: frozenset[str], default: TokenSecret
) -> Iterator[str]:
    """A warning about gated models that are to be downloaded, where the spec names no token."""
    awaited = [one.status.id for one in models if one.desired and one.status.status != "Ready"]
    if found := sorted(gated.intersection(awaited)) if not (spec.hub.token_secret or spec.hub.offline) else []:
        yield f"gated: {', '.join(found)}; accept the conditions {token_advice(default, 'hub.tokenSecret')}"


def cache_warnings(
    spec: CacheSpec,
    volume: CacheVolume,
    reports: Reports,
    loaded: dict[str, tuple[str, ...]],
    next_cleanup: datetime | None,
) -> Iterator[str]:
    """Warnings of the status. `loaded` has the checkpoints that recipes load instead of a model."""
    if volume.exceeded and not volume.own:
        claim, has = f"PersistentVolumeClaim {volume.name}", format_bytes(volume.desired.bytes, at_least=True)
        yield f"{claim} requests {volume.size}, and the models need {has}: downloads fail when it is full"
    if volume.size and volume.desired.unknown:
        models = ", ".join(volume.desired.unknown)
        yield f"no recipe loads {models}, and there is no maxSize: the download fails when the volume is full"
    for model, others in sorted(loaded.items()):
        yield f"no recipe loads {model} itself; its recipes load {', '.join(others)}: list that to serve it"
    cleanup = spec.cleanup
    stated = sorted(cleanup.model_fields_set - {"enabled"})
    if stated and not cleanup.enabled:
        yield "cleanup.enabled is not true: nothing is removed"
    elif cleanup.enabled and not next_cleanup:
        yield f"cleanup.schedule {cleanup.schedule} never occurs: nothing is removed"
    elif cleanup.enabled and cleanup.strategy != "none" and not (cleanup.max_age or cleanup.min_free_space):
        yield "clean-up removes nothing: neither cleanup.maxAge nor cleanup.minFreeSpace is set"
    measured, free = reports.volume, cleanup_policy(cleanup).min_free
    if cleanup.enabled and free and measured and free >= measured.total:
        total = format_bytes(measured.total)
        yield f"cleanup.minFreeSpace is {cleanup.min_free_space}, and the volume has only {total}"
    if reports.unreadable:
        more = f" and {len(reports.unreadable) - MAX_KEYS} more" if len(reports.unreadable) > MAX_KEYS else ""
        keys = ", ".join(printable(key, 63) for key in reports.unreadable[:MAX_KEYS])
        yield f"reports of another release cannot be read: {keys}{more}"
    if reports.unread:
        yield f"{reports.unread} reports are not read: a cache has at most {MAX_REPORTS}"
