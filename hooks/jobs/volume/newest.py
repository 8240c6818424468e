"""The command `aim cache check`: which version the branch, tag or alias of a model names now, by its list of files."""

import sys
import threading
from contextlib import closing

from aimlib.caching.job_reports import NewestReport, newest_key, report_text
from hooks.jobs.volume import clock, termination
from hooks.jobs.volume.cluster import ReportClient
from hooks.jobs.volume.console import Console
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.request import DownloadRequest
from hooks.jobs.volume.retry import RetryPolicy, retry
from hooks.jobs.volume.sources import open_reader
from hooks.kube_client import ApiServerError


def run_check(
    request: DownloadRequest, reports: ReportClient | None = None, retry_policy: RetryPolicy | None = None
) -> int:
    """Prints and reports what is named now, and returns an exit code of `aimlib.caching.download_errors`."""
    console = Console(sys.stderr)
    try:
        with termination.interruptible():
            found = _found(request, retry_policy or RetryPolicy())
            code = 0
    except DownloadError as error:
        console.print_sentence(f"Error: {error.message}")
        termination.write_termination_message(error.message, console.print_sentence)
        found, code = _report(request, message=error.message), error.code
    except KeyboardInterrupt:
        stopped = DownloadError("Interrupted", f"the check of {request.name} was stopped")
        console.print_sentence(f"Error: {stopped.message}")
        return stopped.code
    if found.commit:
        print(found.resolved or found.commit)  # noqa: T201
    if reports:
        try:
            reports.report({newest_key(request.key): report_text(found)})
        except ApiServerError as error:
            console.print_sentence(f"Error: what was found cannot be reported to {reports.reports}: {error}")
            return code or DownloadError("Network", str(error)).code
    return code


def _found(request: DownloadRequest, retry_policy: RetryPolicy) -> NewestReport:
    with closing(open_reader(request)) as reader:
        commit = retry(reader.named_version, retry_policy, threading.Event())
        return _report(request, commit=commit, resolved=reader.resolved)


def _report(request: DownloadRequest, **found: str | None) -> NewestReport:
    return NewestReport(
        id=request.model, revision=request.revision, source=request.source, checked_at=clock.timestamp(), **found
    )
