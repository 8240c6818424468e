"""The command `aim cache download`: runs one download and reports it."""

import sys

from aimlib.caching.volume_index import CachedModel
from aimlib.printable import printable
from hooks.jobs.volume import termination
from hooks.jobs.volume.cleanup import make_room
from hooks.jobs.volume.cluster import CacheClient
from hooks.jobs.volume.download import DownloadContext, download_model
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.report import CacheReporter, ConsoleReporter, Reporter
from hooks.jobs.volume.request import DownloadRequest


def print_message(sentence: str) -> None:
    """Prints a line to standard error; standard output is for the snapshot's path."""
    print(printable(sentence), file=sys.stderr, flush=True)  # noqa: T201 - the command's output


def run_download(request: DownloadRequest, cache: str | None) -> int:
    """Downloads, reports progress, and returns an exit code of `aimlib.caching.download_errors`."""
    context = (
        _for_cache(request, CacheClient(cache))
        if cache
        else DownloadContext(ConsoleReporter(print_message), print_message)
    )
    try:
        with termination.interruptible():
            model = download_model(request, context)
    except DownloadError as error:
        return _failed(request, context.reporter, error)
    except KeyboardInterrupt:
        kept = "received bytes are kept, and the next attempt continues from them"
        stopped = f"the download of {request.name} was stopped; {kept}"
        return _failed(request, context.reporter, DownloadError("Interrupted", stopped))
    return _ready(request, context.reporter, model)


def _for_cache(request: DownloadRequest, cluster: CacheClient) -> DownloadContext:
    """The context of a download for an AIMCache: reports to it, and cleans it up where space is short."""
    return DownloadContext(
        CacheReporter(cluster, request.key, print_message),
        print_message,
        lambda needed: make_room(request.root, cluster, request.name, needed, print_message).message,
    )


def _ready(request: DownloadRequest, reporter: Reporter, model: CachedModel) -> int:
    reporter.end(request.root, model.report())
    print(MountedVolume(request.root).repo(model.id).snapshot(model.commit))  # noqa: T201
    return 0


def _failed(request: DownloadRequest, reporter: Reporter, error: DownloadError) -> int:
    ended = {"state": "Failed", "reason": error.reason, "message": error.message[: termination.MAX_BYTES]}
    print_message(f"Error: {error.message}")
    termination.write_termination_message(error.message, print_message)
    reporter.end(request.root, (reporter.latest or request.report(**ended)).model_copy(update=ended))
    return error.code
