"""The command group `aim cache`: models on a volume, by the same code that the Jobs of an AIMCache run.

Each command imports hooks.volume when it runs: that needs the extra `download`, and the other commands do not.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hooks.failure import Failure

ROOT = click.argument("root", type=click.Path(file_okay=False, path_type=Path))
CACHE = click.option(
    "--cache", metavar="NAME", help="Report to this AIMCache, in the namespace of POD_NAMESPACE, as its Jobs do."
)
EXIT_CODES = """Exit codes: 0 when it is there and verified. 75 network, 76 stopped, 77 lock held, 78 corrupt:
try again. 40 no such model, 41 revision, 42 gated, 43 token missing, 44 token invalid, 45 no space, 46 too large,
47 no files, 48 not on the volume, 49 volume refused. 2 for bad input."""


@contextmanager
def extra() -> Iterator[None]:
    """Says which extra is missing, where one is."""
    try:
        yield
    except ModuleNotFoundError as error:
        needed = "this command needs the extra download: pip install 'aim-engine-operator[download]'"
        raise Failure(f"{needed} ({error})") from error


@click.group(short_help="Download models to a volume and look after them.")
def cache() -> None:
    """Download models to a volume and look after them.

    ROOT is the folder that an AIMCache mounts (storage.mountPath), or any folder: models are kept in ROOT/hub, in the
    layout of the Hugging Face hub's cache.
    """


def _bytes(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """The whole bytes of a quantity."""
    from aimlib.api.quantity import NotAQuantityError, parse  # noqa: PLC0415 - when a command runs

    try:
        return None if text is None else int(parse(text))
    except NotAQuantityError as error:
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
    help="Leave out files that match; left out, original/*, metal/* and consolidated*, which are duplicates.",
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
        from hooks.volume import job  # noqa: PLC0415 - when the command runs
        from hooks.volume.wish import Wish  # noqa: PLC0415
    wish = Wish(root, model, revision, include, exclude or None, max_size, max_workers, offline)
    sys.exit(job.run(wish, cache))
