"""Verifies a model that is on the volume already, without a network."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume import adapter, clock, index, locks, snapshot, verify
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.progress import Progress
from hooks.jobs.volume.report import Reporter
from hooks.jobs.volume.request import DownloadRequest

READ_ONLY_ERRORS = {errno.EROFS, errno.EACCES, errno.EPERM}


def verify_offline(request: DownloadRequest, reporter: Reporter, log: Callable[[str], None]) -> CachedModel:
    """Verifies the model on a volume, which may be read-only. DownloadError (NotOnVolume) where it is incomplete."""
    volume = MountedVolume(request.root)
    with _locked(volume, request, log) as writable:
        if writable and (model := snapshot.indexed_model(volume, request, log)):
            return model
        model = _verify(volume, request, reporter)
        if writable:
            index.update_index(request.root, lambda before: before.having(model), log)
    return model


@contextmanager
def _locked(volume: MountedVolume, request: DownloadRequest, log: Callable[[str], None]) -> Iterator[bool]:
    """Holds the model's lock, and yields whether the volume is writable; a read-only one needs no lock."""
    try:
        volume.prepare()
    except OSError as error:
        if error.errno not in READ_ONLY_ERRORS:
            raise
        log(f"the volume at {request.root} is read-only: its index is not updated")
        yield False
        return
    with locks.hold_lock(volume, volume.repo(request.model).path.name, locks.MODEL_WAIT, log):
        yield True


def _verify(volume: MountedVolume, request: DownloadRequest, reporter: Reporter) -> CachedModel:
    repo = volume.repo(request.model)
    commit = repo.commit(request.revision)
    if commit is None:
        raise DownloadError(
            "NotOnVolume",
            f"{request.name} is not on the volume at {request.root}, and offline nothing is downloaded: "
            f"there is no {repo.ref(request.revision)}",
        )
    snapshot.check_snapshot(repo, request, commit)
    found = verify.snapshot_files(repo, commit)
    selected = {*request.select_paths((*(file.path for file in found.files), *found.unverifiable))}
    files = tuple(file for file in found.files if file.path in selected)
    unverifiable = [path for path in found.unverifiable if path in selected]
    if not selected:
        raise DownloadError("NotOnVolume", f"no file of {request.name} on the volume matches: {request.patterns_text}")
    if message := request.lacks_weights(selected):
        raise DownloadError("NotOnVolume", f"on the volume, {message}")
    progress = Progress(sum(file.size for file in files))

    def report_progress() -> None:
        reporter.update(
            request.report(state="Verifying", commit=commit, done=progress.done, total=progress.total, files=len(files))
        )

    wrong = (
        *(found.unverifiable[path] for path in unverifiable),
        *verify.find_damaged_files(repo, files, request.workers, progress.add, report_progress),
    ) or verify.missing_shards(repo, commit, files)
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise DownloadError("NotOnVolume", f"{request.name} is incomplete on the volume: {'; '.join(wrong[:3])}{more}")
    facts = adapter.adapter_facts(repo, commit, (file.path for file in files))
    return request.index_entry(commit, files, clock.timestamp()).model_copy(update={"adapter": facts})
