"""Which digest the tag of an image names: a Job looks it up once a day, and its name has the day."""

import re
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from aimlib.api.meta import Raw
from aimlib.caching.download_errors import FINAL_SERVER_CODES
from aimlib.caching.job_reports import NewestReport, model_key, newest_key, parsed_report
from aimlib.kube.timestamp import parse_time
from aimlib.naming import child_name, short_digest
from aimlib.protocol.metacontroller import prune
from aimlib.protocol.observed import Children
from hooks.inspection.children import INSPECTION_TTL_SECONDS, inspection_pod, inspection_reports
from hooks.inspection.state import JOB, missing_children, owned_first, reported_data
from hooks.inspection.subject import Subject
from hooks.objects.observed_job import observed_job
from hooks.objects.retried_job import retried_job
from hooks.objects.source_access import server_arguments

NAMED_DIGEST = re.compile("sha256:[0-9a-f]{64}")


class LookedUp(NamedTuple):
    """What is known of a tag, and the children that look it up."""

    digest: str | None
    """What it named when somebody last looked."""
    waits: str
    """What that waits for, or failed on."""
    children: tuple[Raw, ...]


def look_up(subject: Subject, observed: Children, now: datetime) -> LookedUp:
    """The digest of the source, as the last Job reported it, and today's Job where that has not reported yet."""
    name = child_name(subject.name, f"-digest-{short_digest(subject.job, now.date().isoformat())}")
    found = _report(subject, observed)
    job, missing = observed_job(observed.get(JOB, {}).values(), name), missing_children(subject, observed)
    checked = parse_time(found.checked_at) if found and found.resolved else None
    needed = not missing and (checked is None or checked.date() != now.date())
    made = [_job(subject, name)] if needed or job.exists else []
    again = f"; it is tried again within an hour, or at once when Job {name} is deleted"
    table = (
        (job.failed, f"{(found and found.message) or job.failed}{again}"),
        (missing, f"{missing}; where that lasts, an object of the name has another owner"),
        (True, f"Job {name}, which looks up what {subject.source} names"),
    )
    waits = next(text for applies, text in table if applies)
    children = (prune(one) for one in owned_first([*inspection_reports(subject), *made], observed))
    return LookedUp(found.resolved if found else None, waits, tuple(children))


def _report(subject: Subject, observed: Children) -> NewestReport | None:
    """What the last Job reported of the source; None where it cannot be read, or has no digest and no message."""
    text = reported_data(subject, observed).get(newest_key(model_key(subject.repository, subject.revision)))
    try:
        found = NewestReport.model_validate(parsed_report(text)) if isinstance(text, str) else None
    except (ValidationError, ValueError, RecursionError):
        return None
    if found is None or (found.id, found.source) != (subject.repository, subject.source):
        return None
    return found if NAMED_DIGEST.fullmatch(found.resolved or "") else found.model_copy(update={"resolved": None})


def _job(subject: Subject, name: str) -> Raw:
    source = subject.source or ""
    place = (f"--source={source}", *server_arguments(source, subject.access))
    arguments = (f"--model={subject.repository}", f"--revision={subject.revision}", *place)
    pod = inspection_pod(subject, ("aim", "cache", "check"), arguments)
    return retried_job(subject.metadata(name), pod, FINAL_SERVER_CODES, INSPECTION_TTL_SECONDS)
