"""The Job that downloads one model of a cache at one revision, and the CronJob that cleans the cache up."""

from aimlib.api.cache import DUPLICATE_FILES, CachedModelSpec
from aimlib.api.meta import Raw
from aimlib.caching.download_errors import FINAL_CODES
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.kube.expansion import Expandable, escaped
from hooks.cache.children.owner import CacheOwner
from hooks.cache.children.pod import cache_pod
from hooks.objects.hub_token import cache_token

BACKOFF_LIMIT = 6
"""With the Job controller's backoff of 10 s, doubled each time, the last retry is ten minutes after the first."""
TTL_SECONDS = 86_400
"""How long a finished Job stays. A model whose Job failed is then retried."""


def download_job(owner: CacheOwner, model: CachedModelSpec) -> Raw:
    """A Job that is never updated: its name has a hash of what it does."""
    final = {"containerName": "download", "operator": "In", "values": list(FINAL_CODES)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": owner.metadata(owner.job(model)),
        "spec": {
            "backoffLimit": BACKOFF_LIMIT,
            "ttlSecondsAfterFinished": TTL_SECONDS,
            "podFailurePolicy": {
                "rules": [
                    {"action": "FailJob", "onExitCodes": final},
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                ]
            },
            "template": cache_pod(owner, "download", _arguments(owner, model), _environment(owner)),
        },
    }


def _arguments(owner: CacheOwner, model: CachedModelSpec) -> list[str]:
    # Explicit, so that the files do not depend on the program's default; an empty pattern excludes none.
    exclude = (DUPLICATE_FILES if model.exclude is None else model.exclude) or ("",)
    patterns = {"--include": model.include, "--exclude": exclude}
    return [
        *("download", owner.mount_path, f"--model={model.id}", f"--revision={model.revision or DEFAULT_REVISION}"),
        *(f"{flag}={pattern}" for flag, several in patterns.items() for pattern in several),
        *((f"--max-size={model.max_size}",) if model.max_size else ()),
        *(("--offline",) if owner.spec.hub.offline else ()),
        *(f"--max-workers={owner.spec.download.max_workers}", f"--cache={owner.name}"),
    ]


def _environment(owner: CacheOwner) -> list[Raw]:
    """Variables that huggingface_hub and HTTP clients read."""
    hub = owner.spec.hub
    # The API server, to which the Job reports, is never behind the proxy.
    direct = ",".join(filter(None, (escaped(hub.proxy.no_proxy or ""), "$(KUBERNETES_SERVICE_HOST)")))
    variables = {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_ENDPOINT": hub.endpoint,
        "HTTP_PROXY": hub.proxy.http,
        "HTTPS_PROXY": hub.proxy.https,
        "NO_PROXY": Expandable(direct) if hub.proxy.http or hub.proxy.https else None,
    }
    token = cache_token(hub, owner.config)
    return [
        *([token] if token else []),
        *({"name": name, "value": value} for name, value in variables.items() if value),
    ]


def cleanup_cron_job(owner: CacheOwner) -> Raw:
    """The CronJob of clean-ups."""
    pod = cache_pod(owner, "cleanup", ["gc", owner.mount_path, f"--cache={owner.name}"], [])
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": owner.metadata(owner.cleanup),
        "spec": {
            "schedule": owner.spec.cleanup.schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"spec": {"backoffLimit": 1, "template": pod}},
        },
    }
