"""The Job that reads the facts of a model, and the objects that it needs to report."""

from aimlib.api.meta import Raw
from aimlib.caching.download_errors import FINAL_INSPECTION_CODES, FINAL_SERVER_CODES
from hooks.inspection.subject import HUB, Subject
from hooks.objects.job_pod import job_container, job_security, job_volumes
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
    codes = FINAL_INSPECTION_CODES if subject.kind == HUB else FINAL_SERVER_CODES
    return retried_job(subject.metadata(subject.job), _pod(subject), codes, INSPECTION_TTL_SECONDS)


def _pod(subject: Subject) -> Raw:
    container = job_container(
        "inspection",
        subject.config,
        ("aim", "model", "inspect"),
        args=[*subject.arguments, f"--report={subject.reports}"],
        env=subject.environment,
        requests={"cpu": "100m", "memory": "256Mi"},
    )
    return {
        "metadata": {"labels": subject.pod_labels},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": POD_SECONDS,
            "serviceAccountName": subject.reports,
            "automountServiceAccountToken": True,
            "enableServiceLinks": False,
            "securityContext": job_security(),
            "containers": [container],
            "volumes": job_volumes(subject.config),
        },
    }
