"""The Job that reads the facts of a model, and reports them to a ConfigMap."""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from aimlib.caching.job_reports import report_text
from aimlib.derive.config_facts import UnreadableConfigError, Weights, facts_of, needs_remote_code
from aimlib.derive.inspection_reports import InspectionReport, inspection_key
from aimlib.hub_url import HUGGING_FACE
from hooks.jobs.volume import clock, termination
from hooks.jobs.volume.cluster import ReportClient
from hooks.jobs.volume.console import Console
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.hub import INSPECTION_ADVICE, HubClient
from hooks.jobs.volume.hub_files import HubFiles
from hooks.jobs.volume.inspection import Inspected, ModelFiles, inspect_files
from hooks.jobs.volume.reader import Reader
from hooks.jobs.volume.request import DownloadRequest
from hooks.jobs.volume.retry import RetryPolicy, retry
from hooks.jobs.volume.source_files import SourceFiles
from hooks.jobs.volume.sources import open_reader
from hooks.kube_client import ApiServerError

READING_SECONDS = 2.0
"""Seconds between two reports of progress."""
REPORT_ATTEMPTS = 3


class InspectionRequest(NamedTuple):
    """One repository or source to read, and the ConfigMap to report to."""

    repository: str
    """Of a source, the id that it is stored by."""
    revision: str
    reports: str
    source: str | None = None
    """Where the files are, such as s3://bucket/folder; None for the hub's repository of that id."""
    server: Mapping[str, Any] = MappingProxyType({})
    """How the source is reached: endpoint, artifact_endpoint and region of a download."""


def run_inspection(request: InspectionRequest, retry_policy: RetryPolicy | None = None) -> int:
    """Reads, reports, and returns an exit code of `aimlib.caching.download_errors`."""
    console = Console(sys.stderr)
    reporter = InspectionReporter(request, ReportClient(request.reports), console.print_sentence)
    try:
        with termination.interruptible():
            found = _inspect(request, reporter, retry_policy or RetryPolicy())
        reporter.end(found)
    except DownloadError as error:
        return _failed(reporter, error)
    except KeyboardInterrupt:
        return _failed(reporter, DownloadError("Interrupted", f"reading {request.repository} was stopped"))
    return 0


class InspectionReporter:
    """Patches the report; errors of the cluster are logged, and end the Job only where the result is lost."""

    def __init__(self, request: InspectionRequest, cluster: ReportClient, log: Callable[[str], None]) -> None:
        self.request, self.cluster, self.log = request, cluster, log
        self.next_report = 0.0

    def progress(self, done: int, total: int) -> None:
        """Reports how far it is, at a limited rate."""
        if clock.monotonic() >= self.next_report:
            self.send(self.report(state="Reading", done=done, total=total))

    def retried(self, error: TransientError) -> None:
        """Reports why the next attempt is made."""
        self.log(error.message)
        self.send(self.report(state="Reading", message=f"{error.message}; it is retried"))

    def end(self, report: InspectionReport) -> None:
        """Reports the end. DownloadError where that is not possible."""
        for _ in range(REPORT_ATTEMPTS):
            if self.send(report):
                return
        raise DownloadError("Network", f"what was found cannot be reported to ConfigMap {self.request.reports}")

    def report(self, **state: object) -> InspectionReport:
        """A report about the repository."""
        request = self.request
        of = {"id": request.repository, "revision": request.revision, "source": request.source}
        return InspectionReport.model_validate({**of, **state})

    def send(self, report: InspectionReport) -> bool:
        """Writes a report; False where the cluster did not take it."""
        self.next_report = clock.monotonic() + READING_SECONDS
        try:
            self.cluster.report({inspection_key(report.id, report.revision): report_text(report)})
        except ApiServerError as error:
            self.log(f"the state cannot be reported to {self.cluster.reports}: {error}")
            return False
        return True


def _inspect(request: InspectionRequest, reporter: InspectionReporter, retry_policy: RetryPolicy) -> InspectionReport:
    reader, files = _opened(request)

    def attempt() -> Inspected:
        try:
            return inspect_files(files, reporter.progress)
        except TransientError as error:
            reporter.retried(error)
            raise

    with closing(reader):
        found = retry(attempt, retry_policy, threading.Event())
    try:
        place = request.source or request.repository
        facts = facts_of(found.config, Weights(found.size, found.parameters), place)
    except UnreadableConfigError as error:
        raise DownloadError("UnknownArchitecture", str(error)) from error
    return reporter.report(
        state="Found",
        commit=found.version,
        found_at=clock.timestamp(),
        remote_code=needs_remote_code(found.config),
        facts=facts,
    )


def _opened(request: InspectionRequest) -> tuple[Reader, ModelFiles]:
    """What has the files, and the files. DownloadError where it cannot be used."""
    if request.source:
        reader = open_reader(DownloadRequest(Path(), "", workers=1, source=request.source, **request.server))
        return reader, SourceFiles(reader)
    endpoint = os.environ.get("HF_ENDPOINT") or HUGGING_FACE
    client = HubClient(endpoint, request.repository, request.revision, advice=INSPECTION_ADVICE)
    return client, HubFiles(client)


def _failed(reporter: InspectionReporter, error: DownloadError) -> int:
    reporter.log(f"Error: {error.message}")
    termination.write_termination_message(error.message, reporter.log)
    message = error.message[: termination.MAX_BYTES]
    reporter.send(reporter.report(state="Failed", reason=error.reason, message=message))
    return error.code
