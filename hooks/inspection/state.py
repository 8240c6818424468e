"""How far the files of a model are read, and which children that takes. What was found is kept and never read again."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pydantic import ValidationError

from aimlib.api.inspection import Inspection
from aimlib.api.meta import Raw
from aimlib.caching.download_errors import OUTCOMES, reason_of_job
from aimlib.derive.inspection_reports import InspectionReport, inspection_key, read_inspection
from aimlib.protocol.metacontroller import prune
from aimlib.protocol.observed import Children, find_child, kind_key
from hooks.inspection.children import inspection_job, inspection_reports
from hooks.inspection.subject import Subject, reports_name
from hooks.objects.observed_job import ObservedJob, observed_job

CONFIG_MAP, JOB = "ConfigMap.v1", "Job.batch/v1"


class TrackedInspection(NamedTuple):
    """The state, and the children for it."""

    status: Inspection
    children: list[Raw]


def track_inspection(subject: Subject, observed: Children, before: object) -> TrackedInspection:
    """The state of an inspection. `before` is what the status has of it so far."""
    data = reported_data(subject, observed)
    report = read_inspection(data, subject.repository, subject.revision, subject.source)
    known = _remembered(subject, before) or (report if report and report.state == "Found" else None)
    job = observed_job(observed.get(JOB, {}).values(), subject.job)
    refused = subject.refused
    common = {"repository": subject.repository, "revision": subject.revision, "source": subject.source}
    if known:
        found = {name: getattr(known, name) for name in ("commit", "found_at", "remote_code", "facts")}
        status = Inspection(**common, state="Found", **found)
    else:
        state = _state(subject, report, job, missing_children(subject, observed), refused)
        status = Inspection(**common, job=None if refused or subject.unread else subject.job, **state)
    # A Job that had completed before its report was lost is deleted first, and then created again. One whose report
    # cannot be read stays for as long as finished Jobs do: the next may write the same.
    obsolete = job.complete and not known and inspection_key(subject.repository, subject.revision) not in data
    reads = not known and not missing_children(subject, observed) and not subject.unread
    desired = (reads or job.exists) and not refused and not obsolete
    children = [*inspection_reports(subject), *([inspection_job(subject)] if desired else [])]
    return TrackedInspection(status, [prune(child) for child in owned_first(children, observed)])


def is_made_here(child: Raw, name: str) -> bool:
    """Whether a child is one of those of the inspection for an object of that name."""
    return child["kind"] in ONLY_HERE or (child["kind"] in SHARED and child["metadata"]["name"] == reports_name(name))


ONLY_HERE, SHARED = frozenset({"Job", "Role", "RoleBinding"}), frozenset({"ConfigMap", "ServiceAccount"})
"""Kinds of which an endpoint has no others, and those of which it has."""
USED_BY_KIND = {
    "Role": ("ConfigMap",),
    "RoleBinding": ("ServiceAccount", "Role"),
    "Job": ("ConfigMap", "ServiceAccount", "RoleBinding"),
}
"""The kinds of children that a child uses by name; there is one of each."""


def owned_first(desired: Iterable[Raw], observed: Children) -> Iterator[Raw]:
    """The desired children, without those that are not there yet and would use what is not observed."""
    children = list(desired)
    there = {child["kind"] for child in children if _is_observed(child, observed)}
    return (
        child for child in children if child["kind"] in there or there.issuperset(USED_BY_KIND.get(child["kind"], ()))
    )


def _is_observed(child: Raw, observed: Children) -> bool:
    return find_child(observed, kind_key(child), child["metadata"]["name"]) is not None


def reported_data(subject: Subject, observed: Children) -> Raw:
    """The data of the ConfigMap that the Job reports to."""
    reports = find_child(observed, CONFIG_MAP, subject.reports)
    return (reports or {}).get("data") or {}


def _remembered(subject: Subject, before: object) -> Inspection | None:
    """What was found before, where it is of the same repository and revision."""
    try:
        found = Inspection.model_validate(before)
    except ValidationError:  # there is none yet, or it is of another release
        return None
    of = (subject.repository, subject.revision, subject.source)
    same = (found.repository, found.revision, found.source) == of
    return found if same and found.state == "Found" and found.facts else None


def missing_children(subject: Subject, observed: Children) -> str:
    """What the Job uses by name and is not observed as the object's own: another object may have the name."""
    missing = (child for child in inspection_reports(subject) if not _is_observed(child, observed))
    return ", ".join(f"{child['kind']} {child['metadata']['name']}" for child in missing)


def _state(
    subject: Subject, report: InspectionReport | None, job: ObservedJob, missing: str, refused: str | None
) -> Mapping[str, str | None]:
    """State, reason, message and progress while nothing is found: the first row that applies."""
    failed = report if report and report.state == "Failed" else None
    reading = report if report and report.state == "Reading" and job.exists else None
    reason = (failed and failed.reason) or reason_of_job(job.failed or "") or "JobFailed"
    error = (failed and failed.message) or (OUTCOMES[reason].message if reason in OUTCOMES else job.failed)
    unusable = job.complete and f"Job {subject.job} has completed, and its report in {subject.reports} cannot be used"
    unread = subject.unread
    unbound = f"; PersistentVolumeClaim {subject.claim} has no volume yet" if subject.claim_unbound else ""
    again = f"; it is tried again within an hour, or at once when Job {subject.job} is deleted"
    table = (
        (refused, "Failed", "TokenNotAllowed", refused),
        (unread, "Failed", unread and unread.reason, unread and unread.message),
        (job.failed, "Failed", reason, f"{error}{again}"),
        (unusable and not missing, "Failed", "JobFailed", f"{unusable}{again}"),
        (missing, "Waiting", None, f"waiting for {missing}; where that lasts, an object of the name has another owner"),
        (failed and failed.message, "Waiting", reason, f"{error}; it is retried"),
        (reading and reading.message, "Waiting", None, reading.message if reading else None),
        (reading, "Reading", None, f"Job {subject.job} reads {subject.place}"),
        (True, "Waiting", None, f"waiting for Job {subject.job}, which reads {subject.place}{unbound}"),
    )
    state, why, message = next(row[1:] for row in table if row[0])
    progress = f"{reading.done} of {reading.total} files" if reading and reading.total else None
    return {"state": state, "reason": why, "message": message and message[:4096], "progress": progress}


def progress_text(inspection: Inspection) -> str:
    """What an inspection waits for or failed on, with its progress."""
    return ": ".join(filter(None, (inspection.message, inspection.progress)))
