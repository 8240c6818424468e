"""The status of a cache: the whole of it, every time, since whatever is left out is erased."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from cronsim import CronSim, CronSimError

from aimlib.api.cache import CacheCleanup, CacheSpec
from aimlib.api.cache_status import (
    CacheCleanupStatus,
    CachedModelStatus,
    CacheRemoval,
    CacheStorageStatus,
    CacheUsage,
)
from aimlib.caching.byte_sizes import format_bytes, format_progress, short_quantity
from aimlib.caching.eviction import cleanup_policy, plan_removals, stored_models
from aimlib.caching.job_reports import RemovedModel, Reports, model_key
from aimlib.kube.timestamp import format_timestamp
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import phase_of
from hooks.cache.models import Account
from hooks.cache.volume import Volume

NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""The names of the CronJob controller's parser (source: robfig/cron v3, parser.go)."""


def models_ready(found: Sequence[Account]) -> Verdict:
    """Whether every model that is to be there is."""
    wanted = [one.status for one in found if one.wanted]
    there = sum(one.status == "Ready" for one in wanted)
    failed = [_named(one.id, one.message or "") for one in wanted if one.status == "Failed"]
    busy = [_busy(one) for one in wanted if one.status not in {"Ready", "Failed"}]
    counted = f"{there} of {len(wanted)} models cached"
    name = "ModelsReady"
    if failed:
        return Verdict(name, False, "DownloadFailed", "; ".join(failed))
    if busy:
        return Verdict(name, False, "Downloading", f"{counted}; {', '.join(busy)}")
    return Verdict(name, True, "AllCached", counted if wanted else "no model is to be there now")


def _busy(model: CachedModelStatus) -> str:
    progress = model.progress or "starts"
    doing = {
        "Waiting": str(model.message) if model.reason else f"waits {model.message}",
        "Verifying": f"is verified, {progress}",
        "Downloading": progress,
    }
    return _named(model.id, doing[model.status])


def _named(model: str, words: str) -> str:
    """What is said of a model, which is named once."""
    return words if model in words else f"{model}: {words}"


def deletion(found: Sequence[Account]) -> str:
    """What happens to those who use a cache that is being deleted."""
    users = sorted({user for one in found for user in one.status.used_by})
    if not users:
        return "being deleted, and nobody uses it"
    return (
        f"being deleted while {', '.join(users)} use{'s' * (len(users) == 1)} it: pods that run keep the volume until "
        "they end, and none can start on it any more"
    )


def running(found: Sequence[Account], reports: Reports) -> str | None:
    """How much of all downloads that run is there, together."""
    busy = [one.status for one in found if one.status.status in {"Downloading", "Verifying"}]
    amounts = [(one.done, one.total) for one in (reports.models[model_key(at.id, at.revision)] for at in busy)]
    known = [(min(done, total), total) for done, total in amounts if total]
    return format_progress(sum(done for done, _ in known), sum(total for _, total in known)) if known else None


def storage(volume: Volume, reports: Reports, uid: str | None) -> CacheStorageStatus:
    """The claim as it is, and the figures that were measured on it. `uid` is of the claim that reports are about."""
    measured = reports.volume
    return CacheStorageStatus(
        pvc_name=volume.name,
        pvc_uid=uid,
        pvc_phase=phase_of(volume.found) or None,
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


def usage(found: Sequence[Account], reports: Reports, due: datetime | None) -> CacheUsage:
    return CacheUsage(
        total_models=sum(one.status.status == "Ready" for one in found),
        active_models=sum(bool(one.status.used_by) for one in found),
        last_cleanup=reports.cleanup and reports.cleanup.ended,
        next_cleanup=due and format_timestamp(due),
    )


def next_cleanup(asked: CacheCleanup, now: datetime) -> datetime | None:
    """When the CronJob will run next; None where there is none, as its day never comes."""
    if not asked.enabled:
        return None
    text = NAMED.get(asked.schedule, asked.schedule).replace("?", "*")
    try:
        return next(CronSim(text, now), None)
    except CronSimError:  # such as the 31st of February, and from 5 to 1 o'clock, which the API server refuses
        return None


def removals(
    spec: CacheSpec, reports: Reports, found: Sequence[Account], due: datetime | None
) -> CacheCleanupStatus | None:
    """What the next clean-up would remove as things are now, and what the last one did."""
    last = reports.cleanup
    if due is None and last is None:
        return None
    models = stored_models(spec, reports.models.values(), [one.status for one in found])
    free = reports.volume.available if reports.volume else None
    planned = plan_removals(models, cleanup_policy(spec.cleanup), free, due) if due else ()
    return CacheCleanupStatus(
        planned=tuple(
            CacheRemoval(id=one.id, revision=one.revision, size=short_quantity(one.bytes), why=one.why)
            for one in planned
        ),
        removed=tuple(_removed(one) for one in last.removed) if last else (),
        message=last and last.message,
    )


def _removed(one: RemovedModel) -> CacheRemoval:
    return CacheRemoval(id=one.id, revision=one.revision, size=short_quantity(one.bytes), why=one.why)


def warnings(
    spec: CacheSpec, volume: Volume, reports: Reports, loaded: dict[str, tuple[str, ...]], due: datetime | None
) -> Iterator[str]:
    """What may not be as expected. `loaded` has, by model, what its recipes load in its place.

    `due` is when the next clean-up is.
    """
    if volume.tight and not volume.own:
        has = format_bytes(volume.wanted.bytes, at_least=True)
        yield f"claim {volume.name} asks for {volume.size}, and the models have {has}: what fits shows in the download"
    if volume.size and volume.wanted.unknown:
        models = ", ".join(volume.wanted.unknown)
        yield f"no recipe loads {models}, and there is no maxSize: whether it fits shows when it is downloaded"
    for model, others in sorted(loaded.items()):
        yield f"no recipe loads {model} itself: for it they load {', '.join(others)}; list that to serve it from here"
    asked = spec.cleanup
    stated = sorted(asked.model_fields_set - {"enabled"})
    if stated and not asked.enabled:
        yield "cleanup.enabled is not true: nothing is ever removed"
    elif asked.enabled and not due:
        yield f"cleanup.schedule {asked.schedule} names no moment that ever comes: nothing is ever removed"
    elif asked.enabled and asked.strategy != "none" and not (asked.max_age or asked.min_free_space):
        yield "clean-up removes nothing: neither cleanup.maxAge nor cleanup.minFreeSpace is given"
    measured, free = reports.volume, cleanup_policy(asked).min_free
    if asked.enabled and free and measured and free >= measured.total:
        total = format_bytes(measured.total)
        yield f"cleanup.minFreeSpace is {asked.min_free_space}, and the volume has only {total} in all"
    if reports.unreadable:
        yield f"reports of another release cannot be read: {', '.join(reports.unreadable)}"
