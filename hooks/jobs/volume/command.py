"""The command `aim cache download`: runs one download and reports it."""

import sys

from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume import termination
from hooks.jobs.volume.cleanup import make_room
from hooks.jobs.volume.cluster import CacheClient
from hooks.jobs.volume.console import Console
from hooks.jobs.volume.download import DownloadContext, download_model
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.report import CacheReporter, ConsoleReporter, Reporter
from hooks.jobs.volume.request import DownloadRequest


def run_download(request: DownloadRequest, cache: str | None) -> int:
    """Downloads, reports progress, and returns an exit code of `aimlib.caching.download_errors`."""
    console = Console(sys.stderr)
    context = _for_cache(request, CacheClient(cache), console) if cache else _for_people(console, request)
    try:
        with termination.interruptible():
            model = download_model(request, context)
    except DownloadError as error:
        return _failed(request, context, error)
    except KeyboardInterrupt:
        kept = "received bytes are kept, and the next attempt continues from them"
        stopped = f"the download of {request.name} was stopped; {kept}"
        return _failed(request, context, DownloadError("Interrupted", stopped))
    return _ready(request, context.reporter, model)


def _for_people(console: Console, request: DownloadRequest) -> DownloadContext:
    rewrite = console.rewrite if sys.stderr.isatty() else None
    copies = request.folder is not None
    return DownloadContext(ConsoleReporter(console.print_sentence, rewrite, copies=copies), console.print_sentence)


def _for_cache(request: DownloadRequest, cluster: CacheClient, console: Console) -> DownloadContext:
    """The context of a download for an AIMCache: reports to it, and cleans it up where space is short."""
    return DownloadContext(
        CacheReporter(cluster, request.key, console.print_sentence),
        console.print_sentence,
        lambda needed: make_room(request.root, cluster, request.name, needed, console.print_sentence).message,
    )


def _ready(request: DownloadRequest, reporter: Reporter, model: CachedModel) -> int:
    reporter.end(request.root, model.report())
    print(MountedVolume(request.root).repo(model.id).snapshot(model.commit))  # noqa: T201
    return 0


def _failed(request: DownloadRequest, context: DownloadContext, error: DownloadError) -> int:
    reporter = context.reporter
    ended = {"state": "Failed", "reason": error.reason, "message": error.message[: termination.MAX_BYTES]}
    context.log(f"Error: {error.message}")
    termination.write_termination_message(error.message, context.log)
    reporter.end(request.root, (reporter.latest or request.report(**ended)).model_copy(update=ended))
    return error.code
