"""Who is told how a download goes: a person by lines, or an AIMCache by its reports."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from aimlib.caching import byte_sizes, job_reports
from aimlib.caching.job_reports import ModelReport
from hooks.jobs.volume import clock, disk
from hooks.jobs.volume.cluster import Cluster, ClusterError

EVERY, AFTER_TROUBLE = 5.0, 30.0
"""Seconds between two reports of progress, and after one that failed."""
LAST_TRIES = 3


class Teller(ABC):
    """Tells how a download goes."""

    latest: ModelReport | None = None

    def tell(self, report: ModelReport) -> None:
        """Say it, unless something like it was said just now."""
        if report != self.latest:
            self.latest = report
            self.progress(report)

    @abstractmethod
    def progress(self, report: ModelReport) -> None:
        """Say something new, or not yet."""

    @abstractmethod
    def end(self, root: Path, report: ModelReport) -> None:
        """Say how it ended."""


class ForPeople(Teller):
    """A line when the state or the percentage changes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.said: object = None

    def progress(self, report: ModelReport) -> None:
        if report.total is None:
            return
        percent = 100 * report.done // report.total if report.total else 100
        if (report.state, percent) != self.said:
            self.said = (report.state, percent)
            of = f"{byte_sizes.words(report.done)} of {byte_sizes.words(report.total)}"
            self.say(f"{report.state} {report.id}@{report.revision}: {percent} %, {of}")

    def end(self, root: Path, report: ModelReport) -> None:
        if report.state == "Ready":
            self.say(
                f"{report.id}@{report.revision} is on {root} and verified: commit {report.commit}, "
                f"{report.files} files, {byte_sizes.words(report.done)}"
            )


class ForCluster(Teller):
    """A patch of the cache's reports, not too often; trouble with the cluster is said, and harms no download."""

    def __init__(self, cluster: Cluster, key: str, say: Callable[[str], None]) -> None:
        self.cluster, self.key, self.say = cluster, key, say
        self.sent: ModelReport | None = None
        self.due = 0.0
        self.complaint = ""

    def progress(self, report: ModelReport) -> None:
        news = self.sent is None or (report.state, report.message) != (self.sent.state, self.sent.message)
        if clock.seconds() >= self.due or (news and not self.complaint):
            self._send({self.key: job_reports.written(report)}, report)

    def end(self, root: Path, report: ModelReport) -> None:
        data = {self.key: job_reports.written(report)}
        try:
            data[job_reports.VOLUME] = job_reports.written(disk.measured(root))
        except OSError as error:
            self.say(f"the volume at {root} cannot be measured: {error.strerror}")
        for _ in range(LAST_TRIES):
            if self._send(data, report):
                return

    def _send(self, data: dict[str, str], report: ModelReport) -> bool:
        try:
            self.cluster.report(data)
        except ClusterError as error:
            if str(error) != self.complaint:
                self.say(f"the state cannot be reported to {self.cluster.reports}: {error}")
            self.complaint, self.due = str(error), clock.seconds() + AFTER_TROUBLE
            return False
        self.sent, self.complaint, self.due = report, "", clock.seconds() + EVERY
        return True
