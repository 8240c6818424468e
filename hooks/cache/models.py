"""The models of a cache: their reports, their users, and which of them need a Job."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from aimlib.api.cache import CachedModelSpec, CacheSpec
from aimlib.api.cache_status import CachedModelStatus
from aimlib.api.meta import Raw
from aimlib.caching.byte_sizes import format_bytes, format_progress, short_quantity
from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES, reason_of_job
from aimlib.caching.job_reports import DEFAULT_REVISION, ModelReport, Reports, patterns_key
from aimlib.caching.newest import newer_message, newer_version
from aimlib.caching.usage import Users
from aimlib.kube.quantity import parse_quantity
from hooks.objects.observed_job import ObservedJob

ModelKey = tuple[str, str]
"""A model's id and revision."""


class CacheWorld(NamedTuple):
    """What models' states depend on besides the spec."""

    reports: Reports
    users: Users
    sizes: Mapping[str, int | None]
    """Bytes by model id."""
    jobs: Mapping[str, ObservedJob]
    """By model id."""
    previous: Mapping[ModelKey, Raw]
    """The status of each model that the last sync wrote."""
    now: str
    token_refusal: str | None = None
    """Why nothing is downloaded: the token may not be sent to the hub."""
    checks: bool = False
    """Whether it is looked for newer versions."""
    has_room: bool = True
    """Whether there is a volume that holds the desired models."""


class DerivedState(NamedTuple):
    """The state of a model, with reason and message."""

    name: str
    reason: str | None = None
    message: str | None = None


class TrackedModel(NamedTuple):
    """One model: its status, and whether it is desired, needs a Job, and has one."""

    status: CachedModelStatus
    desired: bool = False
    job_desired: bool = False
    job_exists: bool = False


def is_desired(model: CachedModelSpec, reports: Reports, users: Users) -> bool:
    """Whether a model should be on the volume: an endpoint uses it, or it is preloaded and was not removed since."""
    key = (model.id, model.revision or DEFAULT_REVISION)
    report = reports.of(*key)
    return bool(users.by_model.get(key)) or (model.preload and not (report and report.state == "Removed"))


def track_models(spec: CacheSpec, world: CacheWorld) -> tuple[TrackedModel, ...]:
    """The listed models in the spec's order, and then other models on the volume."""
    return (*(_listed_model(model, world) for model in spec.models), *_unlisted_models(spec, world))


def _listed_model(model: CachedModelSpec, world: CacheWorld) -> TrackedModel:
    key = (model.id, model.revision or DEFAULT_REVISION)
    report = world.reports.of(*key)
    job = world.jobs[model.id]
    desired = is_desired(model, world.reports, world.users)
    state = _state(model, report, job, world, desired=desired)
    # A Job that had completed before its model was lost is deleted first, and then created again.
    obsolete = job.complete and report is not None and report.state in {"Removed", "Failed"}
    permanent = state.name == "Failed" and state.reason == "TooLarge"
    needed = desired and state.name != "Ready" and not permanent and not obsolete
    # A Job of before may have a token that this hub does not get, so it is deleted; received bytes stay.
    refused = world.token_refusal if model.of_hub else None
    job_desired = (needed or (job.exists and not obsolete)) and not refused
    checked = model if world.checks else None
    return TrackedModel(_status(key, world, report, state, checked), desired, job_desired, job.exists)


def _state(
    model: CachedModelSpec, report: ModelReport | None, job: ObservedJob, world: CacheWorld, *, desired: bool
) -> DerivedState:
    """The state of a listed model: the first row that applies."""
    reported = report.state if report else None
    reason = report.reason if report and reported == "Failed" else None
    other_patterns = bool(report and report.patterns not in (None, patterns_key(model.include, model.exclude)))
    # Its Job is named for the source; a report that was made anew from the volume does not have it.
    other_source = bool(report and report.source != model.source and not job.complete)
    changed = other_patterns or other_source
    refused = world.token_refusal if model.of_hub else None
    size = world.sizes.get(model.id)
    max_size = int(parse_quantity(model.max_size)) if model.max_size else None
    too_large = size is not None and max_size is not None and size > max_size
    failure_reason = reason or reason_of_job(job.failed or "") or "JobFailed"
    retry_message = f"{_error(report, reason) or reason}; it is retried" if reason else None
    removed = f"{report.message}; " if report and report.message else ""
    table = (
        (reported == "Ready" and not changed, "Ready", None, None),
        (reported is None and job.complete, "Ready", None, "its Job has completed without a report"),
        (
            not desired and reported == "Removed",
            "Removed",
            None,
            f"{removed}it is downloaded again when an endpoint uses it",
        ),
        (not desired, "OnDemand", None, "it is downloaded when an endpoint uses it"),
        (refused, "Failed", "TokenNotAllowed", refused),
        (
            too_large,
            "Failed",
            "TooLarge",
            f"it has {format_bytes(size or 0)}, and its maxSize is {format_bytes(max_size or 0)}",
        ),
        (job.failed, "Failed", failure_reason, _failure(report, job, failure_reason)),
        (reported in {"Downloading", "Verifying"} and job.exists, reported, None, None),
        (not world.has_room, "Waiting", None, "it waits for a volume that holds it"),
        (reason, "Waiting", reason, retry_message),
        (other_source, "Waiting", None, "it waits for its Job: its files come from another source now"),
        (changed, "Waiting", None, "it waits for its Job: other files are needed than it was downloaded with"),
        (True, "Waiting", None, "it waits for its Job to start"),
    )
    return next(DerivedState(str(state), reason_of, message) for applies, state, reason_of, message in table if applies)


def _failure(report: ModelReport | None, job: ObservedJob, reason: str) -> str:
    """The message of a failed download, else of its exit code, else of the Job controller; and how to retry."""
    return f"{_error(report, reason) or job.failed}; once that is fixed, delete Job {job.name} to retry"


def _error(report: ModelReport | None, reason: str) -> str | None:
    """The message of a failed download, else that of its reason."""
    outcome = DOWNLOAD_OUTCOMES.get(reason)
    reported = report.message if report and report.state == "Failed" else None
    return reported or (outcome and outcome.message)


def _status(
    key: ModelKey,
    world: CacheWorld,
    report: ModelReport | None,
    state: DerivedState,
    listed: CachedModelSpec | None = None,
) -> CachedModelStatus:
    users, before = world.users.may_use(key), world.previous.get(key, {})
    changed = tuple(before.get("usedBy") or ()) != users
    began = len(set(users) - set(before.get("usedBy") or ()))
    present_report = report if report and state.name not in {"Removed", "OnDemand"} else None
    ready_report = report if report and state.name == "Ready" else None
    newer = newer_version(listed, ready_report, world.reports) if listed and ready_report else None
    return CachedModelStatus.model_validate(
        {
            "id": key[0],
            "revision": key[1],
            "commit": ready_report and ready_report.commit,
            "source": ready_report and ready_report.source,
            "resolved": ready_report and ready_report.resolved,
            "newest": newer,
            "newestMessage": newer_message(listed, ready_report, newer) if listed and ready_report and newer else None,
            "verified": ready_report and ready_report.verified,
            "adapter": ready_report and ready_report.adapter,
            "status": state.name,
            "progress": format_progress(present_report.done, present_report.total)
            if present_report and present_report.total and not ready_report
            else None,
            "reason": state.reason,
            "message": state.message and state.message[:4096],
            "size": short_quantity(ready_report.done) if ready_report else None,
            "files": ready_report and ready_report.files,
            "cachedAt": ready_report and ready_report.cached_at,
            "usedBy": users,
            "lastAccessed": world.now if changed else before.get("lastAccessed") or (report and report.last_used),
            "accessCount": before.get("accessCount", 0) + began or None,
        }
    )


def _unlisted_models(spec: CacheSpec, world: CacheWorld) -> Iterator[TrackedModel]:
    """Models on the volume that spec.models does not list (any more)."""
    listed = {(model.id, model.revision or DEFAULT_REVISION) for model in spec.models}
    for _, report in sorted(world.reports.models.items()):
        if (report.id, report.revision) not in listed and report.state == "Ready":
            status = _status(
                (report.id, report.revision), world, report, DerivedState("Ready", None, "no longer listed")
            )
            yield TrackedModel(status.model_copy(update={"listed": False}))
