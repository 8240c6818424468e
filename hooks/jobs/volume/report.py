"""Reports the progress of a download: lines on a terminal, or patches of an AIMCache's reports."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from aimlib.caching import job_reports
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.job_reports import ModelReport
from hooks.jobs.volume import clock, disk
from hooks.jobs.volume.cluster import CacheClient
from hooks.jobs.volume.progress import Pace
from hooks.kube_client import ApiServerError

REPORT_SECONDS, RETRY_SECONDS = 5.0, 30.0
"""Seconds between two reports of progress, and after one that failed."""
FINAL_ATTEMPTS = 3


class Reporter(ABC):
    """Reports the progress of a download."""

    latest: ModelReport | None = None

    def update(self, report: ModelReport) -> None:
        """Reports, unless nothing has changed."""
        if report != self.latest:
            self.latest = report
            self.progress(report)

    @abstractmethod
    def progress(self, report: ModelReport) -> None:
        """Reports a change; may skip it to limit the rate."""

    @abstractmethod
    def end(self, root: Path, report: ModelReport) -> None:
        """Reports the end."""


class ConsoleReporter(Reporter):
    """A line when the state or the percentage changes; on a terminal one line, which `rewrite` writes anew."""

    def __init__(
        self, log: Callable[[str], None], rewrite: Callable[[str], None] | None = None, *, copies: bool = False
    ) -> None:
        """`copies`: files come from a folder, so that they are copied, not downloaded."""
        self.log, self.rewrite, self.copies = log, rewrite, copies
        self.reported: object = None
        self.pace = Pace()

    def progress(self, report: ModelReport) -> None:
        if report.total is None:
            return
        percent = 100 * report.done // report.total if report.total else 100
        pace = self.pace.text(report.state, report.done, report.total)
        of = f"{format_bytes(report.done)} of {format_bytes(report.total)}"
        doing = "Copying" if self.copies and report.state == "Downloading" else report.state
        line = ", ".join(filter(None, (f"{doing} {report.id}@{report.revision}: {percent} %", of, pace)))
        if self.rewrite:
            self.rewrite(line)
        elif (report.state, percent) != self.reported:
            self.reported = (report.state, percent)
            self.log(line)

    def end(self, root: Path, report: ModelReport) -> None:
        if report.state == "Ready":
            read = self.latest is not None and self.latest.total is not None
            how = "and verified" if read else f"as it was verified at {report.cached_at}, and was not read again"
            self.log(
                f"{report.id}@{report.revision} is on {root} {how}: commit {report.commit}, "
                f"{report.files} files, {format_bytes(report.done)}"
            )


class CacheReporter(Reporter):
    """Patches the cache's reports at a limited rate; errors of the cluster are logged, and do not end the download."""

    def __init__(self, cluster: CacheClient, key: str, log: Callable[[str], None]) -> None:
        self.cluster, self.key, self.log = cluster, key, log
        self.last_sent: ModelReport | None = None
        self.next_report = 0.0
        self.last_error = ""

    def progress(self, report: ModelReport) -> None:
        news = self.last_sent is None or (report.state, report.message) != (
            self.last_sent.state,
            self.last_sent.message,
        )
        if clock.monotonic() >= self.next_report or (news and not self.last_error):
            self._send({self.key: job_reports.report_text(report)}, report)

    def end(self, root: Path, report: ModelReport) -> None:
        data = {self.key: job_reports.report_text(report)}
        try:
            data[job_reports.VOLUME_KEY] = job_reports.report_text(disk.measure(root))
        except OSError as error:
            self.log(f"the volume at {root} cannot be measured: {error.strerror}")
        for _ in range(FINAL_ATTEMPTS):
            if self._send(data, report):
                return

    def _send(self, data: dict[str, str], report: ModelReport) -> bool:
        try:
            self.cluster.report(data)
        except ApiServerError as error:
            if str(error) != self.last_error:
                self.log(f"the state cannot be reported to {self.cluster.reports}: {error}")
            self.last_error, self.next_report = str(error), clock.monotonic() + RETRY_SECONDS
            return False
        self.last_sent, self.last_error, self.next_report = report, "", clock.monotonic() + REPORT_SECONDS
        return True
