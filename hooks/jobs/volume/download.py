"""The download of one model, step by step: lock, list, weigh, fetch, verify, publish, index."""

import os
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from huggingface_hub import constants

from aimlib.caching import byte_sizes
from aimlib.caching.job_reports import ModelReport
from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume import clock, disk, errors, index, locks, offline, snapshot
from hooks.jobs.volume.blob import Fetcher, incomplete, part_size, sized
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.http_client import Web
from hooks.jobs.volume.hub import Hub, Listing
from hooks.jobs.volume.layout import Repo, Volume
from hooks.jobs.volume.progress import Progress
from hooks.jobs.volume.report import Teller
from hooks.jobs.volume.request import Wish
from hooks.jobs.volume.retry import Patience, persist
from hooks.jobs.volume.thread_pool import share_out

PATIENCE = Patience()


@dataclass(frozen=True)
class Downloader:
    """What a download needs besides the wish."""

    teller: Teller
    say: Callable[[str], None]
    make_room: Callable[[int], str | None] = lambda _: None
    """Makes so many bytes free, where somebody may decide what goes; says what it could not do."""
    patience: Patience = PATIENCE


def download(wish: Wish, by: Downloader) -> CachedModel:
    """The model, complete and verified on the volume. DownloadError, after which the next call goes on from there."""
    with errors.worded(wish.root):
        if wish.offline or constants.is_offline_mode():
            return offline.verified(wish, by.teller, by.say)
        volume = Volume(wish.root)
        volume.prepare()

        def waiting(sentence: str) -> None:
            by.say(sentence)
            by.teller.tell(wish.report(state="Downloading", message=sentence))

        with locks.held(volume, volume.repo(wish.model).path.name, locks.MODEL_WAIT, waiting):
            return snapshot.known(volume, wish, by.say) or _downloaded(volume, wish, by)


def _downloaded(volume: Volume, wish: Wish, by: Downloader) -> CachedModel:
    endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
    hub = Hub(endpoint, wish.model, wish.revision)
    listing = persist(hub.listing, by.patience, threading.Event())
    wanted = _wanted(wish, listing)
    repo = volume.repo(wish.model)
    repo.blobs.mkdir(parents=True, exist_ok=True)
    missing = wanted.bytes - _there(repo, wanted)
    _make_sure_of_room(wish, missing, by)
    progress = Progress(wanted.bytes, done=wanted.bytes - missing if missing else 0)

    def report() -> ModelReport:
        return wish.report(
            state="Downloading" if missing else "Verifying",
            commit=wanted.commit,
            done=progress.done,
            total=progress.total,
            files=len(wanted.files),
        )

    by.teller.tell(report())
    blobs = sorted({one.hash: one for one in reversed(wanted.files)}.values(), key=lambda one: -one.size)
    with closing(Web(endpoint, hub.token, wish.workers)) as web:
        fetcher = Fetcher(hub, wanted.commit, repo.blobs, web, progress, by.patience)
        share_out(blobs, fetcher.bring, wish.workers, lambda: by.teller.tell(report()), fetcher.abandon)
    snapshot.publish(repo, wish, wanted.commit, wanted.files, all_of_it=len(wanted.files) == len(listing.files))
    snapshot.check(volume, wish, wanted.commit)
    model = wish.cached(wanted.commit, wanted.files, clock.stamp())
    index.update(wish.root, lambda before: before.having(model), by.say)
    return model


def _wanted(wish: Wish, listing: Listing) -> CachedModel:
    """The files that are wanted. DownloadError (NoFiles, TooLarge)."""
    files = wish.chosen(listing.files)
    if not files:
        raise DownloadError("NoFiles", f"none of the {len(listing.files)} files of {wish.name} match: {wish.patterned}")
    wanted = wish.cached(listing.commit, files, "")
    if wish.max_size is not None and wanted.bytes > wish.max_size:
        raise DownloadError(
            "TooLarge",
            f"{wish.name} has {byte_sizes.words(wanted.bytes, at_least=True)} in {len(files)} files, and maxSize is "
            f"{byte_sizes.words(wish.max_size)} ({wanted.bytes} and {wish.max_size} bytes): raise it, or exclude files",
        )
    return wanted


def _there(repo: Repo, wanted: CachedModel) -> int:
    """Bytes that need not be fetched, unless they turn out to be wrong."""
    return sum(
        size if sized(repo.blobs / name, size) else part_size(incomplete(repo.blobs / name), size) or 0
        for name, size in wanted.blobs.items()
    )


def _make_sure_of_room(wish: Wish, missing: int, by: Downloader) -> None:
    """DownloadError (NoSpace) where the volume has less than `missing` bytes, and no room can be made."""
    said = by.make_room(missing) if missing > disk.free(wish.root) else None
    free = disk.free(wish.root)
    if missing > free:
        raise DownloadError(
            "NoSpace",
            f"{wish.name} needs {byte_sizes.words(missing, at_least=True)} more, and {byte_sizes.words(free)} are free "
            f"({missing} and {free} bytes) on the volume at {wish.root}: make it larger, or keep fewer models"
            + (f" ({said})" if said else ""),
        )
