"""The reports of a cache's Jobs: the data of a ConfigMap, with a key per model, one for the volume, one for clean-ups.

They are the only source about the volume; a Job merges its own keys and leaves those of other Jobs unchanged.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from aimlib.api.adapter import AdapterFacts
from aimlib.api.base import MessageText, Model
from aimlib.api.cache import DUPLICATE_FILES
from aimlib.api.cache_status import CachedModelStatus, CacheRemoval
from aimlib.api.source import Verified
from aimlib.naming import label_value, short_digest
from aimlib.printable import printable

VOLUME_KEY, CLEANUP_KEY = "volume", "cleanup"
NEWEST_PREFIX = "_newest."
"""What the keys of reports begin with that have which version a source names now; no key of a model does."""
DEFAULT_REVISION = "main"

MAX_REPORTS = 256
"""Most reports that are read: those of the listed models, of which there are at most 64, and of models that were."""
MAX_TEXT = 128 << 10
"""Most characters of one report; that of a clean-up is the longest."""
MAX_REMOVED = 200
"""Most removed models that a clean-up reports one by one."""

Amount = Annotated[int, Field(ge=0, lt=2**63)]
"""A number of bytes or files; the bound is beyond any file system."""


def _existing_day(text: str) -> str:
    datetime.fromisoformat(text)  # ValueError for the 31st of February, which has the right form
    return text


Time = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"), AfterValidator(_existing_day)
]
"""A time that the API server accepts: RFC 3339."""


ReportName = Annotated[str, Field(max_length=1024), AfterValidator(printable)]
"""A name in a report; it has no control characters."""
ReportText = Annotated[MessageText, AfterValidator(printable)]
"""A message without control characters: it quotes hubs, file systems and other programs."""


class ModelReport(Model):
    """One model at one revision. Amounts are bytes, times RFC 3339."""

    id: ReportName
    revision: ReportName = DEFAULT_REVISION
    commit: ReportName | None = None
    state: Literal["Downloading", "Verifying", "Ready", "Failed", "Removed"]
    reason: ReportName | None = None
    """A key of `aimlib.caching.download_errors.DOWNLOAD_OUTCOMES`, with state Failed."""
    message: ReportText | None = None
    done: Amount = 0
    """Bytes that are on the volume."""
    total: Amount | None = None
    """Bytes of all its files, according to the hub."""
    files: Amount | None = None
    patterns: ReportName | None = None
    """`patterns_key` of the patterns by which its files were selected; None where they are unknown."""
    source: ReportName | None = None
    """The source in the spec, whose files these are; None for the hub's repository of that id."""
    resolved: ReportName | None = None
    """The digest that the source's tag named then."""
    verified: Verified | None = None
    """Against what its files were checked when they were downloaded, with a source."""
    adapter: AdapterFacts | None = None
    """What its adapter_config.json tells, of a LoRA adapter."""
    cached_at: Time | None = None
    last_used: Time | None = None
    """When a clean-up last found it in use."""


class VolumeReport(Model):
    """The file system, in bytes."""

    total: Amount
    used: Amount
    """By the cache's own files."""
    available: Amount


class NewestReport(Model):
    """Which version of a model its source named when a check last looked."""

    id: ReportName
    revision: ReportName = DEFAULT_REVISION
    source: ReportName | None = None
    commit: ReportName | None = None
    """None where that could not be found."""
    resolved: ReportName | None = None
    message: ReportText | None = None
    """Why it could not be found."""
    checked_at: Time


class RemovedModel(Model):
    """A model that a clean-up removed."""

    id: ReportName
    revision: ReportName
    bytes: Amount
    why: ReportText


class CleanupReport(Model):
    """One clean-up."""

    ended: Time
    removed: tuple[RemovedModel, ...] = ()
    message: ReportText | None = None


class Reports(Model):
    """All reports of one cache."""

    models: dict[str, ModelReport] = Field(default_factory=dict)
    """By `model_key`."""
    newest: dict[str, NewestReport] = Field(default_factory=dict)
    """By `model_key`."""
    volume: VolumeReport | None = None
    cleanup: CleanupReport | None = None
    unreadable: tuple[str, ...] = ()
    """Keys whose report cannot be read, such as those of a newer release."""
    unread: int = 0
    """How many reports were left out because there are too many."""

    def of(self, model_id: str, revision: str) -> ModelReport | None:
        """The report of a model at a revision; another pair may have the same key."""
        found = self.models.get(model_key(model_id, revision))
        return found if found and (found.id, found.revision) == (model_id, revision) else None

    def newest_of(self, model_id: str, revision: str) -> NewestReport | None:
        """What a check found of a model at a revision."""
        found = self.newest.get(model_key(model_id, revision))
        return found if found and (found.id, found.revision) == (model_id, revision) else None


def newest_key(key: str) -> str:
    """The key of what a check found, by that of the model."""
    return f"{NEWEST_PREFIX}{key}"


def model_key(model_id: str, revision: str | None) -> str:
    """The key of a model at a revision; valid in a ConfigMap, as a file name, and as a label value."""
    return label_value(f"{model_id}@{revision or DEFAULT_REVISION}")


def patterns_key(include: tuple[str, ...], exclude: tuple[str, ...] | None) -> str:
    """A digest of patterns, with the default where exclude is None. An empty pattern matches nothing."""
    return short_digest(
        sorted(filter(None, include)), sorted(filter(None, DUPLICATE_FILES if exclude is None else exclude))
    )


def read_reports(data: Mapping[str, Any], first: Iterable[str] = ()) -> Reports:
    """The reports in a ConfigMap's data. A report that does not fit into the status counts as unreadable.

    Whoever may write the ConfigMap may write a megabyte: of more than MAX_REPORTS, those of the keys `first` are read,
    and of the others the first by name.
    """
    listed = [*first]
    early = {VOLUME_KEY, CLEANUP_KEY, *listed, *map(newest_key, listed)}
    keys = sorted(data, key=lambda key: (key not in early, key))
    models: dict[str, ModelReport] = {}
    newest: dict[str, NewestReport] = {}
    rest: dict[str, Any] = {}
    unreadable: list[str] = []
    for key in keys[:MAX_REPORTS]:
        try:
            raw = parsed_report(data[key])
            if key == VOLUME_KEY:
                rest[key] = VolumeReport.model_validate(raw)
            elif key == CLEANUP_KEY:
                rest[key] = _of_cleanup(raw)
            elif key.startswith(NEWEST_PREFIX):
                newest[key.removeprefix(NEWEST_PREFIX)] = NewestReport.model_validate(raw)
            else:
                models[key] = _of_model(key, raw)
        except (TypeError, ValueError, RecursionError):  # ValidationError is a ValueError
            unreadable.append(key)
    unread = max(len(keys) - MAX_REPORTS, 0)
    found = dict(sorted(models.items()))
    return Reports(models=found, newest=newest, unreadable=tuple(sorted(unreadable)), unread=unread, **rest)


def parsed_report(text: str) -> Any:  # noqa: ANN401 - whatever was written
    """The JSON of a report. ValueError where it is none or too long, RecursionError where it is nested too deep."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"it has more than {MAX_TEXT} characters")
    return json.loads(text)


def _of_model(key: str, raw: Any) -> ModelReport:  # noqa: ANN401 - whatever was written
    one = ModelReport.model_validate(raw)
    if key != model_key(one.id, one.revision):
        raise ValueError(f"it is about {one.id}@{one.revision}")
    CachedModelStatus(id=one.id, revision=one.revision, status="Ready", commit=one.commit, reason=one.reason)
    return one


def _of_cleanup(raw: Any) -> CleanupReport:  # noqa: ANN401 - whatever was written
    found = CleanupReport.model_validate(raw)
    first = found.removed[:MAX_REMOVED]
    for one in first:
        CacheRemoval(id=one.id, revision=one.revision, size="0", why=one.why)
    return found.model_copy(update={"removed": first})


def report_text(report: Model) -> str:
    """A report as the text of its key."""
    return json.dumps(report.wire(), sort_keys=True)
