"""The models of a cache: what is reported of each, who uses it, and which of them need a Job."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from aimlib.api.cache import CachedModelSpec, CacheSpec
from aimlib.api.cache_status import CachedModelStatus
from aimlib.api.meta import Raw
from aimlib.caching.byte_sizes import format_bytes, format_progress, short_quantity
from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES, reason_of_job
from aimlib.caching.job_reports import DEFAULT_REVISION, ModelReport, Reports, model_key, patterns_key
from aimlib.kube.quantity import parse_quantity
from aimlib.protocol.metacontroller import Request

Key = tuple[str, str]
"""A model's id and revision."""


class Job(NamedTuple):
    """A Job as it is observed."""

    name: str
    there: bool = False
    complete: bool = False
    failed: str | None = None
    """What its controller says, once it has given up."""


class World(NamedTuple):
    """What is known besides the spec."""

    reports: Reports
    users: Mapping[Key, tuple[str, ...]]
    sizes: Mapping[str, int | None]
    """Bytes by model id."""
    jobs: Mapping[str, Job]
    """By model id."""
    before: Mapping[Key, Raw]
    """The status of each model until now."""
    now: str
    room: bool = True
    """Whether there is a volume that holds what is wanted."""


class State(NamedTuple):
    """How it is with a model, and why."""

    name: str
    reason: str | None = None
    message: str | None = None


class Account(NamedTuple):
    """One model: its status, and whether it is to be there and has a Job."""

    status: CachedModelStatus
    wanted: bool = False
    job: bool = False
    there: bool = False
    """Whether it has a Job already."""


def observed_job(request: Request, name: str) -> Job:
    """The Job of that name; one that is being deleted is as good as gone."""
    found = next((one for one in request.observed("Job.batch/v1") if one["metadata"]["name"] == name), None)
    if found is None or found["metadata"].get("deletionTimestamp"):
        return Job(name)
    true = {one["type"]: one for one in (found.get("status") or {}).get("conditions") or () if one["status"] == "True"}
    failed = true.get("Failed")
    return Job(
        name, True, "Complete" in true, failed and (failed.get("message") or failed.get("reason") or "it failed")
    )


def wanted(model: CachedModelSpec, reports: Reports, users: Mapping[Key, tuple[str, ...]]) -> bool:
    """Whether a model is to be there: asked for by an endpoint, or preloaded and not removed since."""
    key = (model.id, model.revision or DEFAULT_REVISION)
    report = reports.models.get(model_key(*key))
    return bool(users.get(key)) or (model.preload and not (report and report.state == "Removed"))


def accounts(spec: CacheSpec, world: World) -> tuple[Account, ...]:
    """One for each model that is listed, in that order, and then for what is on the volume besides."""
    return (*(_listed(model, world) for model in spec.models), *_unlisted(spec, world))


def _listed(model: CachedModelSpec, world: World) -> Account:
    key = (model.id, model.revision or DEFAULT_REVISION)
    report = world.reports.models.get(model_key(*key))
    job = world.jobs[model.id]
    asked = wanted(model, world.reports, world.users)
    state = _state(model, report, job, world, asked=asked)
    # A Job that has ended well before its model was lost again makes room for a new one, once it is gone.
    outdated = job.complete and report is not None and report.state in {"Removed", "Failed"}
    hopeless = state.name == "Failed" and state.reason == "TooLarge"
    needed = asked and state.name != "Ready" and not hopeless and not outdated
    return Account(_status(key, world, report, state), asked, needed or (job.there and not outdated), job.there)


def _state(model: CachedModelSpec, report: ModelReport | None, job: Job, world: World, *, asked: bool) -> State:
    """The first row that applies."""
    said = report.state if report else None
    reason = report.reason if report and said == "Failed" else None
    changed = bool(report and report.patterns not in (None, patterns_key(model.include, model.exclude)))
    size = world.sizes.get(model.id)
    most = int(parse_quantity(model.max_size)) if model.max_size else None
    too_large = size is not None and most is not None and size > most
    given_up = reason or reason_of_job(job.failed or "") or "JobFailed"
    retried = f"{_said(report, reason) or reason}; it is tried again" if reason else None
    removed = f"{report.message}; " if report and report.message else ""
    table = (
        (said == "Ready" and not changed, "Ready", None, None),
        (said is None and job.complete, "Ready", None, "its Job has ended well, and reported nothing"),
        (not asked and said == "Removed", "Removed", None, f"{removed}it comes back when an endpoint uses it"),
        (not asked, "OnDemand", None, "it comes when an endpoint uses it"),
        (
            too_large,
            "Failed",
            "TooLarge",
            f"it has {format_bytes(size or 0)}, and its maxSize is {format_bytes(most or 0)}",
        ),
        (job.failed, "Failed", given_up, _why(report, job, given_up)),
        (said in {"Downloading", "Verifying"} and job.there, said, None, None),
        (not world.room, "Waiting", None, "for a volume that holds it"),
        (reason, "Waiting", reason, retried),
        (changed, "Waiting", None, "for its Job: include or exclude have changed since it was downloaded"),
        (True, "Waiting", None, "for its Job to start"),
    )
    return next(State(str(state), why, words) for applies, state, why, words in table if applies)


def _why(report: ModelReport | None, job: Job, reason: str) -> str:
    """What the download said, else what its exit code means, else what the Job's controller says; and what to do."""
    return f"{_said(report, reason) or job.failed}; once that is mended, delete Job {job.name} to try again"


def _said(report: ModelReport | None, reason: str) -> str | None:
    """What a download that failed said, else what its reason means."""
    known = DOWNLOAD_OUTCOMES.get(reason)
    said = report.message if report and report.state == "Failed" else None
    return said or (known and known.words)


def _status(key: Key, world: World, report: ModelReport | None, state: State) -> CachedModelStatus:
    users, before = world.users.get(key, ()), world.before.get(key, {})
    changed = tuple(before.get("usedBy") or ()) != users
    began = len(set(users) - set(before.get("usedBy") or ()))
    there = report if report and state.name not in {"Removed", "OnDemand"} else None
    whole = report if report and state.name == "Ready" else None
    return CachedModelStatus.model_validate(
        {
            "id": key[0],
            "revision": key[1],
            "commit": whole and whole.commit,
            "status": state.name,
            "progress": format_progress(there.done, there.total) if there and there.total and not whole else None,
            "reason": state.reason,
            "message": state.message and state.message[:4096],
            "size": short_quantity(whole.done) if whole else None,
            "files": whole and whole.files,
            "cachedAt": whole and whole.cached_at,
            "usedBy": users,
            "lastAccessed": world.now if changed else before.get("lastAccessed") or (report and report.last_used),
            "accessCount": before.get("accessCount", 0) + began or None,
        }
    )


def _unlisted(spec: CacheSpec, world: World) -> Iterator[Account]:
    """What is on the volume though no entry of spec.models asks for it (any more)."""
    listed = {model_key(one.id, one.revision) for one in spec.models}
    for key, report in sorted(world.reports.models.items()):
        if key not in listed and report.state == "Ready":
            status = _status((report.id, report.revision), world, report, State("Ready", None, "no longer listed"))
            yield Account(status.model_copy(update={"listed": False}))
