"""The command group `aim cache`: models on a volume, by the same code that the Jobs of an AIMCache run.

Each command imports hooks.jobs.volume when it runs: that needs the extra `download`, and the other commands do not.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click

from hooks.cli.errors import CommandError
from hooks.cli.options import WholeNumber, output_option
from hooks.cli.source_options import CLAIM_FOLDER, SOURCE_OPTION, server_options

ROOT = click.argument("root", type=click.Path(file_okay=False, path_type=Path))
CACHE = click.option(
    "--cache", metavar="NAME", help="Report to this AIMCache, in the namespace of POD_NAMESPACE, as its Jobs do."
)
DOWNLOAD_EXIT_CODES = """Exit codes: 0 when the model is there and verified. 75 network, 76 stopped, 77 lock held, 78
corrupt, 79 replaced at its source: retry. 40 no such model, 41 revision, 42 gated, 43 token missing, 44 token invalid,
45 no space, 46 too large, 47 no files, 48 not on the volume, 49 volume refused, 51 alias, 52 host name
refused. 2 for bad input."""

READ_EXIT_CODES = "Exit codes: 0; 2 for bad input."
VERIFY_EXIT_CODES = "Exit codes: 0; 2 for bad input; 3 when a model is damaged."
CLEANUP_EXIT_CODES = """Exit codes: 0; 1 when the cluster cannot be reached, after which nothing is removed; 2 for bad
input; 49 when the volume refuses; 76 when it was stopped."""


@contextmanager
def require_download_extra() -> Iterator[None]:
    """Turns a missing module into a CommandError that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        needed = "this command needs the extra download: pip install 'aim-engine-operator[download]'"
        raise CommandError(f"{needed} ({error})") from error


@click.group(short_help="Download models to a volume, and manage them.")
def cache() -> None:
    """Download models to a volume, and list, verify and remove them.

    ROOT is the folder that an AIMCache mounts (storage.mountPath), or any folder: models are in ROOT/hub, in the layout
    of the Hugging Face cache.
    """


def _bytes(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """Parses a quantity into whole bytes."""
    from aimlib.kube.quantity import InvalidQuantityError, parse_quantity  # noqa: PLC0415 - when a command runs

    try:
        return None if text is None else int(parse_quantity(text))
    except InvalidQuantityError as error:
        raise click.BadParameter(str(error)) from error


def _revision(_: click.Context, __: click.Parameter, text: str) -> str:
    """Refuses a revision whose file would be outside of refs."""
    from aimlib.caching.volume_index import is_file_path  # noqa: PLC0415 - when a command runs

    if not is_file_path(text):
        raise click.BadParameter(f"{text!r} is not a branch, tag or commit")
    return text


@cache.command(short_help="Download one model, or continue its download, and verify it.", epilog=DOWNLOAD_EXIT_CODES)
@ROOT
@click.option(
    "--model", required=True, metavar="ID", help="Its id, such as Qwen/Qwen3-32B; that at the hub without --source."
)
@click.option(
    "--revision", default="main", show_default=True, metavar="NAME", callback=_revision, help="Branch, tag or commit."
)
@click.option("--include", multiple=True, metavar="PATTERN", help="Only files that match, such as *.safetensors.")
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Exclude files that match; when left out, original/*, metal/* and consolidated*, which are duplicates ('' for "
    "none).",
)
@click.option("--max-size", metavar="QUANTITY", callback=_bytes, help="Refuse a larger model, such as 200Gi.")
@click.option(
    "--max-workers", type=WholeNumber(1, 64), default=8, show_default=True, metavar="N", help="Files in parallel."
)
@click.option("--offline", is_flag=True, help="Use no network: verify the model that is on the volume.")
@SOURCE_OPTION
@server_options
@CLAIM_FOLDER
@CACHE
def download(  # noqa: PLR0913 - one parameter an option
    *,
    root: Path,
    model: str,
    revision: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    max_size: int | None,
    max_workers: int,
    offline: bool,
    source: str | None,
    endpoint: str | None,
    artifact_endpoint: str | None,
    region: str,
    source_folder: Path | None,
    cache: str | None,
) -> None:
    """Download one model to ROOT, or continue an earlier download, and verify every file.

    HF_TOKEN, HF_ENDPOINT, HTTPS_PROXY and NO_PROXY are read as huggingface_hub reads them, and for S3
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; for MLflow MLFLOW_TRACKING_TOKEN, or
    MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD; for a registry AIM_REGISTRY_LOGIN has credentials as
    in a .dockerconfigjson. Prints the folder of the model's files.
    """
    with require_download_extra():
        from hooks.jobs.volume import command  # noqa: PLC0415 - when the command runs
        from hooks.jobs.volume.request import DownloadRequest  # noqa: PLC0415
    left_out = tuple(filter(None, exclude)) if exclude else None
    request = DownloadRequest(
        *(root, model, revision, include, left_out, max_size, max_workers, offline),
        *(source, endpoint, region, source_folder, artifact_endpoint),
    )
    sys.exit(command.run_download(request, cache))


@cache.command("check", short_help="Print which version a branch, tag or alias names now.", epilog=DOWNLOAD_EXIT_CODES)
@click.option("--model", required=True, metavar="ID", help="Its id, such as Qwen/Qwen3-32B.")
@click.option(
    "--revision", default="main", show_default=True, metavar="NAME", callback=_revision, help="Branch, tag or commit."
)
@SOURCE_OPTION
@server_options
@CACHE
@click.option(
    "--report", "reports", metavar="NAME", help="Report to this ConfigMap in POD_NAMESPACE, as Jobs of endpoints do."
)
def check_source(  # noqa: PLR0913 - one parameter an option
    *,
    model: str,
    revision: str,
    source: str | None,
    endpoint: str | None,
    artifact_endpoint: str | None,
    region: str,
    cache: str | None,
    reports: str | None,
) -> None:
    """Print which version of a model its branch, tag or alias names now: a commit, digest or number.

    Nothing is downloaded. The variables are those of `aim cache download`.
    """
    with require_download_extra():
        from hooks.jobs.volume import newest  # noqa: PLC0415 - when the command runs
        from hooks.jobs.volume.cluster import CacheClient, ReportClient  # noqa: PLC0415
        from hooks.jobs.volume.request import DownloadRequest  # noqa: PLC0415
    request = DownloadRequest(
        Path(),
        model,
        revision,
        workers=1,
        source=source,
        endpoint=endpoint,
        region=region,
        artifact_endpoint=artifact_endpoint,
    )
    client = ReportClient(reports) if reports else CacheClient(cache) if cache else None
    sys.exit(newest.run_check(request, client))


@cache.command("import", short_help="Copy a folder with a model onto a volume, verified.", epilog=DOWNLOAD_EXIT_CODES)
@ROOT
@click.argument("folder", type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path))
@click.option("--as", "model", required=True, metavar="ID", help="The id that it is requested by, such as acme/chat.")
@click.option(
    "--max-workers", type=WholeNumber(1, 64), default=8, show_default=True, metavar="N", help="Files in parallel."
)
def import_folder(*, root: Path, folder: Path, model: str, max_workers: int) -> None:
    """Copy FOLDER, which has the files of a model, to ROOT, so that an AIMCache and engines find it by its id.

    The copy continues where it was stopped. An AIMCache on that volume that lists the id downloads nothing.
    """
    with require_download_extra():
        from hooks.jobs.volume import command  # noqa: PLC0415 - when the command runs
        from hooks.jobs.volume.request import DownloadRequest  # noqa: PLC0415
    sys.exit(command.run_download(DownloadRequest(root, model, workers=max_workers, folder=folder.resolve()), None))


@cache.command("ls", short_help="List the models on a volume, and how full it is.", epilog=READ_EXIT_CODES)
@ROOT
@output_option("table", "wide", "json", "yaml")
def list_models(*, root: Path, output: str) -> None:
    """List the models in ROOT, the files of interrupted downloads, and how full the volume is.

    File sizes are checked, not contents: `aim cache verify` reads them.
    """
    with require_download_extra():
        from hooks.cli import cache_commands  # noqa: PLC0415 - when the command runs
    sys.exit(cache_commands.print_models(root, output))


@cache.command(short_help="Read every byte of the models and compare it with their hashes.", epilog=VERIFY_EXIT_CODES)
@ROOT
@click.option("--model", metavar="ID", help="Only this one.")
@output_option("table", "json", "yaml")
def verify(*, root: Path, model: str | None, output: str) -> None:
    """Read every byte of the models in ROOT, and compare it with their hashes. Nothing is written.

    Hashes are those that the source stated, or what was computed as the files arrived.
    """
    with require_download_extra():
        from hooks.cli import cache_commands  # noqa: PLC0415 - when the command runs
    sys.exit(cache_commands.verify_models(root, model, output))


def _seconds(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """Parses a duration into seconds."""
    from aimlib.kube.duration import InvalidDurationError, parse_duration  # noqa: PLC0415 - when a command runs

    try:
        return None if text is None else parse_duration(text)
    except InvalidDurationError as error:
        raise click.BadParameter(str(error)) from error


@cache.command(
    short_help="Remove models by age or for space, and check that the others are complete.", epilog=CLEANUP_EXIT_CODES
)
@ROOT
@click.option("--dry-run", is_flag=True, help="Print what would be removed and why; remove nothing.")
@click.option("--strategy", type=click.Choice(("lru", "age", "none")), help="What to remove first; lru when left out.")
@click.option("--max-age", metavar="TIME", callback=_seconds, help="Remove models that are older, such as 30d.")
@click.option("--min-free-space", metavar="QUANTITY", callback=_bytes, help="Remove until this is free, such as 100Gi.")
@click.option(
    "--cache", metavar="NAME", help="Take the rules from this AIMCache, and report to it, as its CronJob does."
)
@output_option("table", "json", "yaml")
def gc(  # noqa: PLR0913 - one parameter an option
    *,
    root: Path,
    dry_run: bool,
    strategy: Literal["lru", "age", "none"] | None,
    max_age: int | None,
    min_free_space: int | None,
    cache: str | None,
    output: str,
) -> None:
    """Remove models from ROOT by age or until enough is free, and check that all files of the others are there.

    An AIMCache knows the users, priority and retention of its models. Without one, users are unknown: use it where no
    engine runs. Models that are being downloaded are skipped.
    """
    if cache and (strategy or max_age is not None or min_free_space is not None):
        raise click.UsageError(
            "the rules are those of the AIMCache: leave out --strategy, --max-age and --min-free-space"
        )
    with require_download_extra():
        from aimlib.caching.eviction import CleanupPolicy  # noqa: PLC0415 - when the command runs
        from hooks.cli import cache_commands  # noqa: PLC0415
    sys.exit(
        cache_commands.print_cleanup(
            root, cache, CleanupPolicy(strategy or "lru", max_age, min_free_space), output, dry_run=dry_run
        )
    )
