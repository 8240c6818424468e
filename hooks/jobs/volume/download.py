"""Downloads one model in steps: lock, list, check sizes, download, verify, publish, index."""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from huggingface_hub import constants

from aimlib.caching import weight_files
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.job_reports import ModelReport
from aimlib.caching.volume_index import CachedModel, VolumeFile
from hooks.jobs.volume import adapter, clock, disk, errors, index, learned_hashes, locks, offline, snapshot
from hooks.jobs.volume.blob import BlobDownloader, has_size, incomplete_path, part_size
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume, Repo
from hooks.jobs.volume.progress import Progress
from hooks.jobs.volume.reader import Listing, Reader
from hooks.jobs.volume.report import Reporter
from hooks.jobs.volume.request import DownloadRequest
from hooks.jobs.volume.retry import RetryPolicy, retry
from hooks.jobs.volume.sources import open_reader
from hooks.jobs.volume.thread_pool import run_parallel

RETRY_POLICY = RetryPolicy()


@dataclass(frozen=True)
class DownloadContext:
    """What a download needs besides its request."""

    reporter: Reporter
    log: Callable[[str], None]
    make_room: Callable[[int], str | None] = lambda _: None
    """Frees so many bytes, where a cache may be cleaned up; returns why not all are free."""
    retry_policy: RetryPolicy = RETRY_POLICY


def download_model(request: DownloadRequest, context: DownloadContext) -> CachedModel:
    """Downloads and verifies a model; returns its index entry. After a DownloadError, the next call continues."""
    with errors.as_download_errors(request.root):
        if request.offline or constants.is_offline_mode():
            return offline.verify_offline(request, context.reporter, context.log)
        volume = MountedVolume(request.root)
        volume.prepare()

        def log_and_report(sentence: str) -> None:
            context.log(sentence)
            context.reporter.update(request.report(state="Downloading", message=sentence))

        with locks.hold_lock(volume, volume.repo(request.model).path.name, locks.MODEL_WAIT, log_and_report):
            return snapshot.indexed_model(volume, request, context.log) or _download(volume, request, context)


def _download(volume: MountedVolume, request: DownloadRequest, context: DownloadContext) -> CachedModel:
    with closing(open_reader(request)) as reader:
        return _download_from(reader, volume, request, context)


def _download_from(
    reader: Reader, volume: MountedVolume, request: DownloadRequest, context: DownloadContext
) -> CachedModel:
    listing = retry(reader.listing, context.retry_policy, threading.Event())
    selected = _requested(request, listing).files
    hashed = retry(lambda: reader.with_hashes(selected), context.retry_policy, threading.Event())
    repo = volume.repo(request.model)
    repo.files.make_folder(repo.blobs)
    unknown = reader.identities
    files = tuple(learned_hashes.with_learned_hash(repo, one) if one.hash in unknown else one for one in hashed)
    requested = request.index_entry(listing.commit, files)
    missing = requested.bytes - _existing_bytes(repo, requested)
    _ensure_space(request, missing, context)
    progress = Progress(requested.bytes, done=requested.bytes - missing if missing else 0)

    def report() -> ModelReport:
        return request.report(
            state="Downloading" if missing else "Verifying",
            commit=requested.commit,
            done=progress.done,
            total=progress.total,
            files=len(requested.files),
        )

    context.reporter.update(report())
    blobs = sorted({file.hash: file for file in reversed(requested.files)}.values(), key=lambda one: -one.size)
    fetcher = BlobDownloader(reader, requested.commit, repo, progress, context.retry_policy)
    run_parallel(blobs, fetcher.download, request.workers, lambda: context.reporter.update(report()), fetcher.abort)
    read = tuple(one.model_copy(update={"hash": fetcher.learned.get(one.hash, one.hash)}) for one in files)
    _refuse_pointers(request, repo, read)
    snapshot.publish_snapshot(repo, request, requested.commit, read, all_of_it=len(read) == len(listing.files))
    snapshot.check_snapshot(repo, request, requested.commit)
    model = request.index_entry(requested.commit, read, clock.timestamp())
    facts = adapter.adapter_facts(repo, model.commit, (file.path for file in model.files))
    model = model.model_copy(update={"adapter": facts})
    if request.source or request.folder:
        model = model.model_copy(update={"resolved": reader.resolved, "verified": reader.verified})
    index.update_index(request.root, lambda before: before.having(model), context.log)
    return model


def _requested(request: DownloadRequest, listing: Listing) -> CachedModel:
    """The files that the request selects. DownloadError (NoFiles, TooLarge)."""
    files = request.select(listing.files)
    if not files:
        raise DownloadError(
            "NoFiles", f"none of the {len(listing.files)} files of {request.name} match: {request.patterns_text}"
        )
    if message := request.lacks_weights(file.path for file in files):
        raise DownloadError("NoFiles", message)
    requested = request.index_entry(listing.commit, files)
    if request.max_size is not None and requested.bytes > request.max_size:
        size, limit = format_bytes(requested.bytes, at_least=True), format_bytes(request.max_size)
        raise DownloadError(
            "TooLarge",
            f"{request.name} has {size} in {len(files)} files, and maxSize is {limit} "
            f"({requested.bytes} and {request.max_size} bytes): raise it, or exclude files",
        )
    return requested


def _refuse_pointers(request: DownloadRequest, repo: Repo, files: tuple[VolumeFile, ...]) -> None:
    """Raises DownloadError (NoFiles) where what should be weights are pointers to them."""
    small = (one for one in files if one.size < weight_files.MAX_POINTER and weight_files.is_weights(one.path))
    for one in small:
        if weight_files.is_pointer(repo.files.read_file(repo.blobs / one.hash, weight_files.MAX_POINTER)):
            raise DownloadError("NoFiles", f"{one.path} of {request.name} {weight_files.IS_POINTER}")


def _existing_bytes(repo: Repo, requested: CachedModel) -> int:
    """Bytes that are on the volume already, not verified yet."""
    return sum(
        size
        if has_size(repo, repo.blobs / name, size)
        else part_size(repo, incomplete_path(repo.blobs / name), size) or 0
        for name, size in requested.blobs.items()
    )


def _ensure_space(request: DownloadRequest, missing: int, context: DownloadContext) -> None:
    """Raises DownloadError (NoSpace) where `missing` bytes are not free and cannot be freed."""
    message = context.make_room(missing) if missing > disk.free_bytes(request.root) else None
    free = disk.free_bytes(request.root)
    if missing > free:
        needed, available = format_bytes(missing, at_least=True), format_bytes(free)
        raise DownloadError(
            "NoSpace",
            f"{request.name} needs {needed} more, and {available} are free ({missing} and {free} bytes) on the volume "
            f"at {request.root}: make it larger, or keep fewer models" + (f" ({message})" if message else ""),
        )
