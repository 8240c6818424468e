"""The report of a Job that reads the facts of a model: a key in the data of a ConfigMap."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from aimlib.api.base import Model
from aimlib.api.model_facts import ModelFacts, broken_facts
from aimlib.caching.job_reports import Amount, ReportName, ReportText, Time, model_key, parsed_report

INSPECTION_PREFIX = "facts."
"""What the keys of these reports begin with."""


class InspectionReport(Model):
    """What was read of one repository at one revision, as far as it was."""

    id: ReportName
    revision: ReportName
    source: ReportName | None = None
    """Where the files are, if not in a repository of a hub."""
    state: Literal["Reading", "Found", "Failed"]
    reason: ReportName | None = None
    """A key of `aimlib.caching.download_errors.OUTCOMES`, with state Failed."""
    message: ReportText | None = None
    done: Amount = 0
    """Files that were read."""
    total: Amount | None = None
    """Files to read."""
    commit: ReportName | None = None
    found_at: Time | None = None
    remote_code: bool = False
    facts: ModelFacts | None = None


def inspection_key(repository: str, revision: str) -> str:
    """The key of a report."""
    return INSPECTION_PREFIX + model_key(repository, revision)


def read_inspection(
    data: Mapping[str, Any], repository: str, revision: str, source: str | None = None
) -> InspectionReport | None:
    """The report about a repository at a revision, or about a source; None where there is none that can be read."""
    text = data.get(inspection_key(repository, revision))
    try:
        found = InspectionReport.model_validate(parsed_report(text)) if isinstance(text, str) else None
    except (ValidationError, ValueError, RecursionError):
        return None
    # Another pair may have the same key, and whoever may write the ConfigMap may write anything.
    of = (repository, revision, source)
    if found is None or (found.id, found.revision, found.source) != of or not _is_usable(found):
        return None
    return found


def _is_usable(found: InspectionReport) -> bool:
    """Whether what was found is all there, in numbers that the API server stores, and fit for a recipe."""
    if found.state != "Found":
        return True
    if not (found.facts and found.commit and found.found_at):
        return False
    return _is_bounded(found.facts.wire()) and not broken_facts(found.facts)


def _is_bounded(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_bounded, value.values()))
    return not isinstance(value, int | float) or 0 <= value < MAX_NUMBER


MAX_NUMBER = 2**40
"""More than any fact of a model is."""
