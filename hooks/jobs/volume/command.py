"""The command `aim cache download`: one download from its first report to its last words."""

import sys

from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume import termination
from hooks.jobs.volume.cleanup import make_room
from hooks.jobs.volume.cluster import Cluster
from hooks.jobs.volume.download import Downloader, download
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import Volume
from hooks.jobs.volume.report import ForCluster, ForPeople, Teller
from hooks.jobs.volume.request import Wish


def say(sentence: str) -> None:
    """A line on standard error; standard output is for the snapshot's path."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - a command speaks


def run(wish: Wish, cache: str | None) -> int:
    """Download, tell how it goes, and return the exit code of `aimlib.caching.download_errors`."""
    by = _for_cache(wish, Cluster(cache)) if cache else Downloader(ForPeople(say), say)
    try:
        with termination.interruptible():
            model = download(wish, by)
    except DownloadError as error:
        return _failed(wish, by.teller, error)
    except KeyboardInterrupt:
        stopped = (
            f"the download of {wish.name} was stopped; what has arrived stays, and the next one goes on from there"
        )
        return _failed(wish, by.teller, DownloadError("Interrupted", stopped))
    return _ready(wish, by.teller, model)


def _for_cache(wish: Wish, cluster: Cluster) -> Downloader:
    """A download for an AIMCache: reported to it, and with its clean-up where space is short."""
    return Downloader(
        ForCluster(cluster, wish.key, say),
        say,
        lambda needed: make_room(wish.root, cluster, wish.name, needed, say).message,
    )


def _ready(wish: Wish, teller: Teller, model: CachedModel) -> int:
    teller.end(wish.root, model.report())
    print(Volume(wish.root).repo(model.id).snapshot(model.commit))  # noqa: T201
    return 0


def _failed(wish: Wish, teller: Teller, error: DownloadError) -> int:
    ended = {"state": "Failed", "reason": error.reason, "message": error.message[: termination.MOST]}
    say(f"Error: {error.message}")
    termination.last_words(error.message, say)
    teller.end(wish.root, (teller.latest or wish.report(**ended)).model_copy(update=ended))
    return error.code
