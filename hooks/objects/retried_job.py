"""A Job whose program tells by its exit code whether a retry may succeed."""

from collections.abc import Sequence

from aimlib.api.meta import Raw

BACKOFF_LIMIT = 6
"""With the Job controller's backoff of 10 s, doubled each time, the last retry is ten minutes after the first."""


def retried_job(metadata: Raw, template: Raw, final_codes: Sequence[int], ttl_seconds: int) -> Raw:
    """A Job of a pod with one container, which fails at once with one of the final codes.

    `ttl_seconds` is how long it stays once it has finished.
    """
    [container] = template["spec"]["containers"]
    final = {"containerName": container["name"], "operator": "In", "values": list(final_codes)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": BACKOFF_LIMIT,
            "ttlSecondsAfterFinished": ttl_seconds,
            "podFailurePolicy": {
                "rules": [
                    {"action": "FailJob", "onExitCodes": final},
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                ]
            },
            "template": template,
        },
    }
