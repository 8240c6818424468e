"""The Job that downloads one model of a cache at one revision, and the CronJobs of clean-ups and of checks."""

from aimlib.api.cache import DUPLICATE_FILES, CachedModelSpec
from aimlib.api.meta import Raw
from aimlib.api.source import parse_source
from aimlib.caching.download_errors import FINAL_CODES
from aimlib.caching.job_reports import DEFAULT_REVISION
from hooks.cache.children.owner import CacheOwner
from hooks.cache.children.pod import cache_pod
from hooks.objects.hub_environment import hub_environment
from hooks.objects.retried_job import retried_job
from hooks.objects.source_access import server_arguments, server_credentials

TTL_SECONDS = 86_400
"""How long a finished Job stays. A model whose Job failed is then retried."""


def download_job(owner: CacheOwner, model: CachedModelSpec) -> Raw:
    """A Job that is never updated: its name has a hash of what it does."""
    environment = _environment(owner, model)
    template = cache_pod(owner, "download", _arguments(owner, model), environment, _source_claim(model))
    return retried_job(owner.metadata(owner.job(model)), template, FINAL_CODES, TTL_SECONDS)


def _environment(owner: CacheOwner, model: CachedModelSpec) -> list[Raw]:
    """Where the hub is, and what convinces it or the server of the source."""
    hub = hub_environment(owner.spec.hub, owner.config, token=model.of_hub)
    return [*hub, *server_credentials(model.source, model.access)]


def _arguments(owner: CacheOwner, model: CachedModelSpec) -> list[str]:
    # Explicit, so that the files do not depend on the program's default; an empty pattern excludes none.
    exclude = (DUPLICATE_FILES if model.exclude is None else model.exclude) or ("",)
    patterns = {"--include": model.include, "--exclude": exclude}
    return [
        *("download", owner.mount_path, f"--model={model.id}", f"--revision={model.revision or DEFAULT_REVISION}"),
        *(f"{flag}={pattern}" for flag, several in patterns.items() for pattern in several),
        *((f"--max-size={model.max_size}",) if model.max_size else ()),
        *(("--offline",) if owner.spec.hub.offline else ()),
        *_source(model),
        *(f"--max-workers={owner.spec.download.max_workers}", f"--cache={owner.name}"),
    ]


def _source(model: CachedModelSpec) -> list[str]:
    """Arguments about where the files come from, unless that is the hub's repository of the model's id."""
    if model.source is None:
        return []
    return [f"--source={model.source}", *server_arguments(model.source, model.access)]


def _source_claim(model: CachedModelSpec) -> str | None:
    """The claim that the files come from."""
    source = parse_source(model.source) if model.source else None
    return source.name if source and source.kind == "pvc" else None


def cleanup_cron_job(owner: CacheOwner) -> Raw:
    """The CronJob of clean-ups."""
    pod = cache_pod(owner, "cleanup", ["gc", owner.mount_path, f"--cache={owner.name}"], [])
    return _cron_job(owner.metadata(owner.cleanup), owner.spec.cleanup.schedule, pod)


def check_cron_job(owner: CacheOwner, model: CachedModelSpec) -> Raw:
    """The CronJob that looks what a branch, tag or alias names now; it has no volume, and downloads nothing."""
    environment = _environment(owner, model)
    revision = model.revision or DEFAULT_REVISION
    arguments = ["check", f"--model={model.id}", f"--revision={revision}", *_source(model)]
    pod = cache_pod(owner, "check", [*arguments, f"--cache={owner.name}"], environment, on_volume=False)
    return _cron_job(owner.metadata(owner.check(model)), owner.spec.updates.schedule, pod)


def _cron_job(metadata: Raw, schedule: str, pod: Raw) -> Raw:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata,
        "spec": {
            "schedule": schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"spec": {"backoffLimit": 1, "template": pod}},
        },
    }
