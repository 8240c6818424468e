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

ROOT = click.argument("root", type=click.Path(file_okay=False, path_type=Path))
CACHE = click.option(
    "--cache", metavar="NAME", help="Report to this AIMCache, in the namespace of POD_NAMESPACE, as its Jobs do."
)
EXIT_CODES = """Exit codes: 0 when it is there and verified. 75 network, 76 stopped, 77 lock held, 78 corrupt:
try again. 40 no such model, 41 revision, 42 gated, 43 token missing, 44 token invalid, 45 no space, 46 too large,
47 no files, 48 not on the volume, 49 volume refused. 2 for bad input."""

READING = "Exit codes: 0; 2 for bad input; verify: 3 when something on the volume is wrong."
CLEANING = """Exit codes: 0; 1 when the cluster cannot be asked, after which nothing is removed; 2 for bad input; 49
when the volume refuses; 76 when it was stopped."""


@contextmanager
def extra() -> Iterator[None]:
    """Says which extra is missing, where one is."""
    try:
        yield
    except ModuleNotFoundError as error:
        needed = "this command needs the extra download: pip install 'aim-engine-operator[download]'"
        raise CommandError(f"{needed} ({error})") from error


@click.group(short_help="Download models to a volume and look after them.")
def cache() -> None:
    """Download models to a volume and look after them.

    ROOT is the folder that an AIMCache mounts (storage.mountPath), or any folder: models are kept in ROOT/hub, in the
    layout of the Hugging Face hub's cache.
    """


def _bytes(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """The whole bytes of a quantity."""
    from aimlib.kube.quantity import InvalidQuantityError, parse_quantity  # noqa: PLC0415 - when a command runs

    try:
        return None if text is None else int(parse_quantity(text))
    except InvalidQuantityError as error:
        raise click.BadParameter(str(error)) from error


def _revision(_: click.Context, __: click.Parameter, text: str) -> str:
    """A revision that names a file in refs, and none outside."""
    if ".." in text.split("/") or text.startswith("/"):
        raise click.BadParameter(f"{text!r} is no branch, tag or commit")
    return text


@cache.command(short_help="Download one model, or go on with it, and verify it.", epilog=EXIT_CODES)
@ROOT
@click.option("--model", required=True, metavar="ID", help="Its id at the hub, such as Qwen/Qwen3-32B.")
@click.option(
    "--revision", default="main", show_default=True, metavar="NAME", callback=_revision, help="Branch, tag or commit."
)
@click.option("--include", multiple=True, metavar="PATTERN", help="Only files that match, such as *.safetensors.")
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Leave out files that match; original/*, metal/* and consolidated*, which are duplicates, unless it is given "
    "('' for none).",
)
@click.option("--max-size", metavar="QUANTITY", callback=_bytes, help="Refuse it when it is larger, such as 200Gi.")
@click.option("--max-workers", type=click.IntRange(1, 64), default=8, show_default=True, help="Files at a time.")
@click.option("--offline", is_flag=True, help="Ask nobody: it has to be on the volume, and is verified.")
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
    cache: str | None,
) -> None:
    """Download one model to ROOT, or go on where an earlier download ended, and verify every file.

    HF_TOKEN, HF_ENDPOINT, HTTPS_PROXY and NO_PROXY are read as huggingface_hub reads them. Prints the folder of the
    model's files.
    """
    with extra():
        from hooks.jobs.volume import command  # noqa: PLC0415 - when the command runs
        from hooks.jobs.volume.request import DownloadRequest  # noqa: PLC0415
    left_out = tuple(filter(None, exclude)) if exclude else None
    request = DownloadRequest(root, model, revision, include, left_out, max_size, max_workers, offline)
    sys.exit(command.run_download(request, cache))


@cache.command("ls", short_help="List the models on a volume, and how full it is.", epilog=READING)
@ROOT
@click.option(
    "-o", "--output", type=click.Choice(("table", "wide", "json", "yaml")), default="table", show_default=True
)
def list_models(*, root: Path, output: str) -> None:
    """List the models in ROOT, what interrupted downloads have brought, and how full the volume is.

    Files are counted and not read: `aim cache verify` reads them.
    """
    with extra():
        from hooks.cli import cache_commands  # noqa: PLC0415 - when the command runs
    sys.exit(cache_commands.ls(root, output))


@cache.command(short_help="Read every byte of the models and compare it with their hashes.", epilog=READING)
@ROOT
@click.option("--model", metavar="ID", help="Only this one.")
def verify(*, root: Path, model: str | None) -> None:
    """Read every byte of the models in ROOT and compare it with the hashes that the hub named. Nothing is written."""
    with extra():
        from hooks.cli import cache_commands  # noqa: PLC0415 - when the command runs
    sys.exit(cache_commands.verify(root, model))


def _seconds(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """The seconds of a length of time."""
    from aimlib.kube.duration import InvalidDurationError, parse_duration  # noqa: PLC0415 - when a command runs

    try:
        return None if text is None else parse_duration(text)
    except InvalidDurationError as error:
        raise click.BadParameter(str(error)) from error


@cache.command(short_help="Remove models by age or for space, and see that the others are whole.", epilog=CLEANING)
@ROOT
@click.option("--dry-run", is_flag=True, help="Print what would go and why, and touch nothing.")
@click.option("--strategy", type=click.Choice(("lru", "age", "none")), help="What goes first; lru when left out.")
@click.option("--max-age", metavar="TIME", callback=_seconds, help="Remove what is older, such as 30d.")
@click.option("--min-free-space", metavar="QUANTITY", callback=_bytes, help="Remove until this is free, such as 100Gi.")
@click.option(
    "--cache", metavar="NAME", help="Take the rules from this AIMCache, and report to it, as its CronJob does."
)
def gc(  # noqa: PLR0913 - one parameter an option
    *,
    root: Path,
    dry_run: bool,
    strategy: Literal["lru", "age", "none"] | None,
    max_age: int | None,
    min_free_space: int | None,
    cache: str | None,
) -> None:
    """Remove models from ROOT by age or until enough is free, and see that all files of the others are there.

    An AIMCache knows who uses a model, its priority and its retention. For a folder alone nobody knows: use it where no
    engine runs. What a download is working on is left alone.
    """
    if cache and (strategy or max_age is not None or min_free_space is not None):
        raise click.UsageError("the AIMCache has the rules: leave out --strategy, --max-age and --min-free-space")
    with extra():
        from aimlib.caching.eviction import CleanupPolicy  # noqa: PLC0415 - when the command runs
        from hooks.cli import cache_commands  # noqa: PLC0415
    sys.exit(cache_commands.gc(root, cache, CleanupPolicy(strategy or "lru", max_age, min_free_space), dry_run=dry_run))
