"""A clean-up of a volume: what is there is looked at, what may go goes, and all of it is reported.

A model goes under its lock, so never while a Job works on it, and who uses it is asked right before. It is reported as
removed first, so that no endpoint starts on what is about to go.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aimlib.caching import byte_sizes, eviction, job_reports
from aimlib.caching.eviction import Policy, Removal
from aimlib.caching.job_reports import CleanupReport, ModelReport, Removed, model_key
from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume import clock, disk, errors, index, locks, missing_files, removal
from hooks.jobs.volume.cluster import Cluster, ClusterError
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import Repo, Volume
from hooks.jobs.volume.missing_files import Leftover
from hooks.jobs.volume.policy import OfCache, Rated, Rules

Say = Callable[[str], None]

IDLE = 3600
"""Seconds for which an interrupted download is left alone, should another program be at work without our locks."""
LONGEST = 4096
"""Characters of a report's message, as many as the status takes."""


class Cleanup:
    """One clean-up."""

    def __init__(self, root: Path, rules: Rules, say: Say) -> None:
        self.volume, self.rules, self.say = Volume(root), rules, say
        self.removed: list[Removed] = []
        self.notes: list[str] = []
        self.trouble: ClusterError | DownloadError | None = None
        """Why not all was done that should be."""
        self.began, self.freed = disk.free(root), 0

    @property
    def free(self) -> int:
        """Bytes that are free: some file systems say so only a while after a removal."""
        return max(disk.free(self.volume.root), self.began + self.freed)

    def report(self) -> CleanupReport:
        """What was done, and what could not be."""
        return CleanupReport(
            ended=clock.stamp(), removed=tuple(self.removed), message="; ".join(self.notes)[:LONGEST] or None
        )

    def check(self) -> None:
        """See that every model is there that is said to be, and note which are in use. ClusterError."""
        models = self._models()
        rated = self.rules.rated(models.values())
        known = {(one.id, one.revision) for one in models.values()}
        for name in sorted(known | {*rated.ready}):
            with self._locked(self.volume.repo(name[0])) as mine:
                model = self._models().get(model_key(*name)) if mine else None
                if model:
                    self._look_at(model, rated)
                elif mine:
                    self._lost(name, f"{'@'.join(name)} is not on the volume any more")

    def _look_at(self, model: CachedModel, rated: Rated) -> None:
        name = (model.id, model.revision)
        found = [*missing_files.objections(self.volume.repo(model.id), model).values()]
        if found and name in rated.given_up:
            self._remove(model, broken_removal(model, found))
        elif found:
            self._lost(name, broken_words(name, found))
            index.remove(self.volume.root, model.key, self.say)
        else:
            if name in rated.used:
                model = model.model_copy(update={"last_used": clock.stamp()})
                index.update(self.volume.root, lambda before: before.having(model), self.say)
            self._tell(model.report())

    def _lost(self, name: tuple[str, str], said: str) -> None:
        """A model that has to be downloaded again."""
        self._note(said)
        self._tell(ModelReport(id=name[0], revision=name[1], state="Failed", reason="Corrupt", message=said[:LONGEST]))

    def sweep(self) -> None:
        """Remove what interrupted downloads left of models that are not listed any more. ClusterError."""
        for repo, _ in garbage(self.volume, self.rules.rated(())):
            with self._locked(repo) as mine:
                files = idle(repo) if mine else ()  # a download may have used them meanwhile
                for one in files:
                    one.path.unlink()
                if files:
                    removal.tidy(repo)
                    self.freed += sum(one.bytes for one in files)
                    self._count(garbage_removal(repo, files))

    def make_room(self, wanted: Callable[[Policy], Policy] = lambda policy: policy) -> None:
        """Remove models one by one, each as the rules are at that moment. ClusterError."""
        tried: set[str] = set()
        while True:
            models = {key: one for key, one in self._models().items() if key not in tried}
            rated = self.rules.rated(models.values())
            now, policy = clock.now(), wanted(rated.policy)
            planned = eviction.plan(rated.models, policy, self.free, now)
            if not planned:
                if said := eviction.shortage(rated.models, policy, self.free, now):
                    self._note(said)
                return
            first = planned[0]
            key = model_key(first.id, first.revision)
            tried.add(key)
            with self._locked(self.volume.repo(first.id)) as mine:
                if mine and self._models().get(key) == models[key]:
                    self._remove(models[key], first)

    def _remove(self, model: CachedModel, planned: Removal) -> None:
        self._tell(ModelReport(id=model.id, revision=model.revision, state="Removed", message=planned.why))
        others = [one for key, one in self._models().items() if key != model.key]
        try:
            self.freed += removal.remove(self.volume, model, others)
        except OSError as error:
            self.trouble = errors.of_volume(self.volume.root, error)
            self._note(f"{model.id}@{model.revision} cannot be removed: {self.trouble.message}")
            return
        index.remove(self.volume.root, model.key, self.say)
        self._count(planned)

    def _count(self, planned: Removal) -> None:
        self.removed.append(Removed(**planned._asdict()))
        self.say(f"removed {planned.id}@{planned.revision}, {byte_sizes.words(planned.bytes)}: {planned.why}")

    def stop(self, error: ClusterError) -> None:
        """Nothing more is done, since the cluster cannot be asked."""
        self.trouble = error
        self._note(f"the clean-up ends here: {error}")

    def _note(self, said: str) -> None:
        self.notes.append(said)
        self.say(said)

    def _models(self) -> dict[str, CachedModel]:
        return index.load(self.volume.root, self.say).models

    def _tell(self, report: ModelReport) -> None:
        self.rules.report({model_key(report.id, report.revision): job_reports.written(report)})

    @contextmanager
    def _locked(self, repo: Repo) -> Iterator[bool]:
        """The lock of a model, where nobody else holds it."""
        with ExitStack() as stack:
            try:
                stack.enter_context(locks.held(self.volume, repo.path.name, 0, self.say))
            except DownloadError as error:
                if error.reason != "Busy":
                    raise
                self._note(f"{missing_files.model_id(repo)} is left alone: a download of it is running")
                yield False
            else:
                yield True


def collect(root: Path, rules: Rules, say: Say) -> Cleanup:
    """A whole clean-up, done and reported. DownloadError where the volume refuses it."""
    with _ready(root):
        cleanup = Cleanup(root, rules, say)
        _carried_out(cleanup, cleanup.check, cleanup.sweep, cleanup.make_room)
    return cleanup


def make_room(root: Path, cluster: Cluster, model: str, needed: int, say: Say) -> CleanupReport:
    """Remove until `needed` bytes are free for a model whose download holds its lock, as far as the AIMCache lets."""

    def wanted(policy: Policy) -> Policy:
        return policy._replace(min_free=needed, asked=f"{model} needs")

    with _ready(root):
        cleanup = Cleanup(root, OfCache(cluster), say)
        _carried_out(cleanup, cleanup.sweep, lambda: cleanup.make_room(wanted))
    return cleanup.report()


@contextmanager
def _ready(root: Path) -> Iterator[None]:
    with errors.worded(root):
        Volume(root).prepare()
        yield


def _carried_out(cleanup: Cleanup, *steps: Callable[[], None]) -> None:
    """Take the steps until the cluster cannot be asked any more, and report."""
    try:
        for step in steps:
            step()
        volume = disk.measured(cleanup.volume.root)
        cleanup.rules.report(
            {
                job_reports.VOLUME: job_reports.written(volume),
                job_reports.CLEANUP: job_reports.written(cleanup.report()),
            }
        )
    except ClusterError as error:
        cleanup.stop(error)


def garbage(volume: Volume, rated: Rated) -> tuple[tuple[Repo, tuple[Leftover, ...]], ...]:
    """What interrupted downloads left of models that nobody lists any more; nothing where clean-up is off."""
    if rated.listed is None or rated.policy.strategy == "none":
        return ()
    found = (
        (repo, idle(repo)) for repo in missing_files.repos(volume) if missing_files.model_id(repo) not in rated.listed
    )
    return tuple((repo, files) for repo, files in found if files)


def broken_removal(model: CachedModel, found: Sequence[str]) -> Removal:
    """The removal of a model of which not all is there, and which nobody asks for."""
    return Removal(model.id, model.revision, model.bytes, f"not whole ({found[0]}), and not asked for any more")


def broken_words(name: tuple[str, str], found: Sequence[str]) -> str:
    """What is wrong with a model of which not all is there."""
    more = f", and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{'@'.join(name)} is not whole: {'; '.join(found[:3])}{more}"


def idle(repo: Repo) -> tuple[Leftover, ...]:
    """What no download has written to for a while."""
    latest = clock.now().timestamp() - IDLE
    return tuple(one for one in missing_files.leftovers(repo) if one.written <= latest)


def garbage_removal(repo: Repo, files: tuple[Leftover, ...]) -> Removal:
    """The removal of these leftovers."""
    why = "left by an interrupted download, and spec does not list the model any more"
    return Removal(missing_files.model_id(repo), missing_files.UNKNOWN, sum(one.bytes for one in files), why)
