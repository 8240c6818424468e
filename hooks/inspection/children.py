"""The Job that reads the facts of a model, and the objects that it needs to report."""

from collections.abc import Sequence

from aimlib.api.meta import Raw
from aimlib.caching.download_errors import FINAL_FOLDER_CODES, FINAL_INSPECTION_CODES, FINAL_SERVER_CODES
from hooks.inspection.subject import CLAIM_KIND, HUB, Subject
from hooks.objects.job_pod import (
    job_container,
    job_security,
    job_tolerations,
    job_volumes,
    source_mount,
    source_volume,
)
from hooks.objects.reporter import Right, reporting_objects
from hooks.objects.retried_job import retried_job

INSPECTION_TTL_SECONDS = 3600
"""How long a finished Job stays. One that failed is made anew then."""
POD_SECONDS = 1200
"""Seconds after which a pod is ended, which is more than the program takes by itself."""


def inspection_reports(subject: Subject) -> list[Raw]:
    """The ConfigMap, which the Job may patch, and what gives it access."""
    name = subject.reports
    rights = (Right("", "configmaps", name, ("patch",)),)
    reports, account, *access = reporting_objects(subject.metadata(name), subject.metadata(name), rights)
    return [account, reports, *access]  # in the order of an endpoint's other children


def inspection_job(subject: Subject) -> Raw:
    """The Job, which is never updated: its name has a digest of what it reads."""
    codes = FINAL_CODES_BY_KIND.get(subject.kind, FINAL_SERVER_CODES)
    return retried_job(
        subject.metadata(subject.job),
        inspection_pod(subject, INSPECT, subject.arguments),
        codes,
        INSPECTION_TTL_SECONDS,
    )


FINAL_CODES_BY_KIND = {HUB: FINAL_INSPECTION_CODES, CLAIM_KIND: FINAL_FOLDER_CODES}


INSPECT = ("aim", "model", "inspect")


def inspection_pod(subject: Subject, command: Sequence[str], arguments: Sequence[str]) -> Raw:
    """The template of a pod that reports to the ConfigMap."""
    container = job_container(
        "inspection",
        subject.config,
        command,
        args=[*arguments, f"--report={subject.reports}"],
        env=subject.environment,
        requests={"cpu": "100m", "memory": "256Mi"},
        mounts=[source_mount()] if subject.claim else [],
    )
    return {
        "metadata": {"labels": subject.pod_labels},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": POD_SECONDS,
            "serviceAccountName": subject.reports,
            "automountServiceAccountToken": True,
            "enableServiceLinks": False,
            "securityContext": job_security(**subject.identity),
            # A volume may be on a node with GPUs alone, which are tainted as a rule.
            "tolerations": job_tolerations(subject.config) if subject.claim else [],
            "containers": [container],
            "volumes": [*job_volumes(subject.config), *([source_volume(subject.claim)] if subject.claim else [])],
        },
    }
