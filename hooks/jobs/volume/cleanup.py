"""A clean-up of a volume: checks its models, removes what may be removed, and reports both.

A model is removed under its lock, so never during its download, and its users are read right before. It is reported as
removed first, so that no endpoint starts to use it meanwhile.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aimlib.caching import eviction, job_reports
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.eviction import CleanupPolicy, Removal
from aimlib.caching.job_reports import CleanupReport, ModelReport, RemovedModel, model_key
from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume import clock, disk, errors, index, locks, missing_files, removal
from hooks.jobs.volume.cluster import CacheClient
from hooks.jobs.volume.errors import MAX_MESSAGE, DownloadError
from hooks.jobs.volume.index import Log
from hooks.jobs.volume.layout import MountedVolume, Repo
from hooks.jobs.volume.missing_files import Leftover
from hooks.jobs.volume.policy import CacheRules, CleanupRules, RatedModels
from hooks.kube_client import ApiServerError

IDLE_SECONDS = 3600
"""Seconds for which files of an interrupted download stay: a program without our locks may be writing them."""


class Cleanup:
    """One clean-up."""

    def __init__(self, root: Path, rules: CleanupRules, log: Log) -> None:
        self.volume, self.rules, self.log = MountedVolume(root), rules, log
        self.removed: list[RemovedModel] = []
        self.notes: list[str] = []
        self.error: ApiServerError | DownloadError | None = None
        """Why the clean-up is incomplete."""
        self.began, self.freed = disk.free_bytes(root), 0

    @property
    def free(self) -> int:
        """Free bytes; some file systems show the effect of a removal only later."""
        return max(disk.free_bytes(self.volume.root), self.began + self.freed)

    def report(self) -> CleanupReport:
        """The report of what was removed, and of what could not be done."""
        return CleanupReport(
            ended=clock.timestamp(),
            removed=tuple(self.removed[: job_reports.MAX_REMOVED]),
            message="; ".join(self.notes)[:MAX_MESSAGE] or None,
        )

    def check(self) -> None:
        """Checks that every model that is reported as ready is complete, and records use. ApiServerError."""
        models = self._models()
        rated = self.rules.rate(models.values())
        indexed = {(one.id, one.revision) for one in models.values()}
        for name in sorted(indexed | {*rated.ready}):
            with self._locked(self.volume.repo(name[0])) as mine:
                model = self._models().get(model_key(*name)) if mine else None
                if model:
                    self._check_model(model, rated)
                elif mine:
                    self._report_lost(name, f"{'@'.join(name)} is no longer on the volume")

    def _check_model(self, model: CachedModel, rated: RatedModels) -> None:
        name = (model.id, model.revision)
        found = [*missing_files.find_missing(self.volume.repo(model.id), model).values()]
        if found and name in rated.unneeded:
            self._remove(model, incomplete_removal(model, found))
        elif found:
            self._report_lost(name, incomplete_message(name, found))
            index.remove_entry(self.volume.root, model.key, self.log)
        else:
            if name in rated.used:
                model = model.model_copy(update={"last_used": clock.timestamp()})
                index.update_index(self.volume.root, lambda before: before.having(model), self.log)
            self._report(model.report())

    def _report_lost(self, name: tuple[str, str], message: str) -> None:
        """Reports a model that must be downloaded again."""
        self._note(message)
        self._report(
            ModelReport(id=name[0], revision=name[1], state="Failed", reason="Corrupt", message=message[:MAX_MESSAGE])
        )

    def remove_leftovers(self) -> None:
        """Removes files that interrupted downloads left of models that are no longer listed. ApiServerError."""
        for repo, _ in removable_leftovers(self.volume, self.rules.rate(())):
            with self._locked(repo) as mine:
                files = idle_leftovers(repo) if mine else ()  # a download may be using them by now
                for one in files:
                    repo.files.remove_file(one.path)
                if files:
                    removal.remove_if_empty(repo)
                    self.freed += sum(file.bytes for file in files)
                    self._count(leftovers_removal(repo, files))

    def make_room(self, adjusted: Callable[[CleanupPolicy], CleanupPolicy] = lambda policy: policy) -> None:
        """Removes models one by one, reading the rules before each. ApiServerError."""
        tried: set[str] = set()
        while True:
            models = {key: one for key, one in self._models().items() if key not in tried}
            rated = self.rules.rate(models.values())
            now, policy = clock.now(), adjusted(rated.policy)
            planned = eviction.plan_removals(rated.models, policy, self.free, now)
            if not planned:
                if message := eviction.shortage(rated.models, policy, self.free, now):
                    self._note(message)
                return
            first = planned[0]
            key = model_key(first.id, first.revision)
            tried.add(key)
            with self._locked(self.volume.repo(first.id)) as mine:
                if mine and self._models().get(key) == models[key]:
                    self._remove(models[key], first)

    def _remove(self, model: CachedModel, planned: Removal) -> None:
        self._report(ModelReport(id=model.id, revision=model.revision, state="Removed", message=planned.why))
        others = [one for key, one in self._models().items() if key != model.key]
        try:
            self.freed += removal.remove_model(self.volume, model, others)
        except OSError as error:
            self.error = errors.volume_error(self.volume.root, error)
            self._note(f"{model.id}@{model.revision} cannot be removed: {self.error.message}")
            return
        index.remove_entry(self.volume.root, model.key, self.log)
        self._count(planned)

    def _count(self, planned: Removal) -> None:
        self.removed.append(RemovedModel(**planned._asdict()))
        self.log(f"removed {planned.id}@{planned.revision}, {format_bytes(planned.bytes)}: {planned.why}")

    def stop(self, error: ApiServerError) -> None:
        """Ends the clean-up because the cluster does not respond."""
        self.error = error
        self._note(f"clean-up stopped: {error}")

    def _note(self, message: str) -> None:
        self.notes.append(message)
        self.log(message)

    def _models(self) -> dict[str, CachedModel]:
        return index.load_index(self.volume.root, self.log).models

    def _report(self, report: ModelReport) -> None:
        self.rules.report({model_key(report.id, report.revision): job_reports.report_text(report)})

    @contextmanager
    def _locked(self, repo: Repo) -> Iterator[bool]:
        """Holds the lock of a model, and yields whether it was free."""
        with ExitStack() as stack:
            try:
                stack.enter_context(locks.hold_lock(self.volume, repo.path.name, 0, self.log))
            except DownloadError as error:
                if error.reason != "Busy":
                    raise
                self._note(f"{missing_files.model_id(repo)} is skipped: it is being downloaded")
                yield False
            else:
                yield True


def clean_up(root: Path, rules: CleanupRules, log: Log) -> Cleanup:
    """Runs and reports a whole clean-up. DownloadError where the volume refuses it."""
    with _prepared(root):
        cleanup = Cleanup(root, rules, log)
        _run(cleanup, cleanup.check, cleanup.remove_leftovers, cleanup.make_room)
    return cleanup


def make_room(root: Path, cluster: CacheClient, model: str, needed: int, log: Log) -> CleanupReport:
    """Removes models until `needed` bytes are free for one being downloaded, as far as the AIMCache allows."""

    def adjusted(policy: CleanupPolicy) -> CleanupPolicy:
        return policy._replace(min_free=needed, min_free_cause=f"{model} needs")

    with _prepared(root):
        cleanup = Cleanup(root, CacheRules(cluster), log)
        _run(cleanup, cleanup.remove_leftovers, lambda: cleanup.make_room(adjusted))
    return cleanup.report()


@contextmanager
def _prepared(root: Path) -> Iterator[None]:
    with errors.as_download_errors(root):
        MountedVolume(root).prepare()
        yield


def _run(cleanup: Cleanup, *steps: Callable[[], None]) -> None:
    """Runs the steps until the cluster does not respond, and reports."""
    try:
        for step in steps:
            step()
        volume = disk.measure(cleanup.volume.root)
        cleanup.rules.report(
            {
                job_reports.VOLUME_KEY: job_reports.report_text(volume),
                job_reports.CLEANUP_KEY: job_reports.report_text(cleanup.report()),
            }
        )
    except ApiServerError as error:
        cleanup.stop(error)


def removable_leftovers(volume: MountedVolume, rated: RatedModels) -> tuple[tuple[Repo, tuple[Leftover, ...]], ...]:
    """Files that interrupted downloads left of models that are no longer listed; none where clean-up is off."""
    if rated.listed is None or rated.policy.strategy == "none":
        return ()
    found = (
        (repo, idle_leftovers(repo))
        for repo in missing_files.repos(volume)
        if missing_files.model_id(repo) not in rated.listed
    )
    return tuple((repo, files) for repo, files in found if files)


def incomplete_removal(model: CachedModel, found: Sequence[str]) -> Removal:
    """The removal of an incomplete model that is no longer needed."""
    return Removal(model.id, model.revision, model.bytes, f"incomplete ({found[0]}), and no longer needed")


def incomplete_message(name: tuple[str, str], found: Sequence[str]) -> str:
    """The message about an incomplete model."""
    more = f", and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{'@'.join(name)} is incomplete: {'; '.join(found[:3])}{more}"


def idle_leftovers(repo: Repo) -> tuple[Leftover, ...]:
    """Leftovers that no download has written to for IDLE_SECONDS."""
    latest = clock.now().timestamp() - IDLE_SECONDS
    return tuple(leftover for leftover in missing_files.leftovers(repo) if leftover.written <= latest)


def leftovers_removal(repo: Repo, files: tuple[Leftover, ...]) -> Removal:
    """The removal of these leftovers."""
    why = "left by an interrupted download; the spec no longer lists the model"
    return Removal(missing_files.model_id(repo), missing_files.UNKNOWN_REVISION, sum(file.bytes for file in files), why)
