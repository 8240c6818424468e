"""What `aim cache ls`, `verify` and `gc` do: look at a volume, print, and return the exit code."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from aimlib.api.meta import Raw
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from aimlib.caching.eviction import CleanupPolicy, Removal
from aimlib.caching.job_reports import RemovedModel
from aimlib.caching.volume_index import CachedModel
from hooks.cli.errors import TROUBLE, CommandError
from hooks.cli.formats import json_text, yaml_document
from hooks.cli.tables import Cell, table
from hooks.jobs.volume import cleanup, disk, listing, termination
from hooks.jobs.volume.cleanup_plan import preview
from hooks.jobs.volume.cluster import CacheClient
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.listing import InvalidVolumeError, ListedModel
from hooks.jobs.volume.policy import CacheRules, CleanupRules, OptionRules
from hooks.kube_client import ApiServerError

DAMAGED = 3
"""Exit code of a verification that found something wrong."""
SHORT = 8
"""Digits of a commit in a table."""
HEAD = ("MODEL", "REVISION", "COMMIT", "SIZE", "FILES", "STATE", "CACHED", "LAST USED")
WIDE_HEAD = (*HEAD, "FOLDER", "WRONG")
REMOVAL_HEAD = ("MODEL", "REVISION", "SIZE", "WHY")


def ls(root: Path, output: str) -> int:
    """Print the models of a volume, and how full it is."""
    with _worded(root):
        found = listing.list_volume(listing.open_volume(root))
        volume = disk.measure(root)
    if output in {"json", "yaml"}:
        data = {"models": [_data(one) for one in found], "volume": volume.wire()}
        click.echo(json_text(data) if output == "json" else yaml_document(data), nl=False)
        return 0
    wide = output == "wide"
    click.echo(table(WIDE_HEAD if wide else HEAD, [_row(one, wide=wide) for one in found]))
    used, total, free = map(format_bytes, (volume.used, volume.total, volume.available))
    click.echo(f"\nThe cache has {used}; the volume has {total}, of which {free} are free.")
    return 0


def _data(one: ListedModel) -> Raw:
    more = {"commit": one.commit, "cachedAt": one.cached_at, "lastUsed": one.last_used, "wrong": [*one.wrong]}
    known = {key: value for key, value in more.items() if value}
    size = {"bytes": one.bytes, "files": one.files, "folder": str(one.folder)}
    return {"id": one.id, "revision": one.revision, "state": one.state, **size, **known}


def _row(one: ListedModel, *, wide: bool) -> tuple[Cell, ...]:
    commit = one.commit if wide else (one.commit or "")[:SHORT]
    size = (format_bytes(one.bytes), one.files)
    row = (one.id, one.revision, commit, *size, one.state, one.cached_at, one.last_used)
    return (*row, str(one.folder), "; ".join(one.wrong)) if wide else row


def verify(root: Path, model: str | None) -> int:
    """Read every byte of the models and print what is wrong."""
    with _worded(root):
        volume = listing.open_volume(root)
        models = [one for _, one in sorted(listing.read_index(volume).models.items())]
    chosen = [one for one in models if model in (None, one.id)]
    if model and not chosen:
        there = ", ".join(sorted({one.id for one in models})) or "no model at all"
        raise CommandError(f"{root} has no model {model}, but {there}")
    if not chosen:
        click.echo(f"There is no model in {root}.")
    return DAMAGED if [one for one in chosen if not _right(volume, one)] else 0


def _right(volume: MountedVolume, model: CachedModel) -> bool:
    name = f"{model.id}@{model.revision}"
    click.echo(f"{name}: reading {len(model.files)} files, {format_bytes(model.bytes)}", err=True)
    if wrong := listing.find_damage(volume, model):
        blobs = volume.repo(model.id).blobs
        advice = f"To repair it, delete the damaged files from {blobs}; the next download restores them."
        click.echo("\n  ".join((f"{name}: damaged", *wrong, advice)))
    else:
        click.echo(f"{name}: verified, commit {model.commit}")
    return not wrong


def gc(root: Path, cache: str | None, policy: CleanupPolicy, *, dry_run: bool) -> int:
    """Clean up and print what went; with `dry_run` print what would go."""
    rules: CleanupRules = CacheRules(CacheClient(cache)) if cache else OptionRules(policy)
    if dry_run:
        return _previewed(root, rules)
    try:
        with _worded(root), termination.interruptible():
            listing.open_volume(root)
            ended = cleanup.clean_up(root, rules, _say)
    except DownloadError as error:
        raise _failed(error.message, error.code) from error
    except KeyboardInterrupt:
        raise _failed(
            "the clean-up was stopped; the next one continues", DOWNLOAD_OUTCOMES["Interrupted"].code
        ) from None
    _print(ended.removed, "Nothing was removed.")
    if isinstance(ended.error, DownloadError):
        raise _failed(ended.error.message, ended.error.code)
    if ended.error:
        raise _failed(str(ended.error), TROUBLE)
    return 0


def _failed(message: str, code: int) -> CommandError:
    termination.write_termination_message(message, _say)
    return CommandError(message, code)


def _previewed(root: Path, rules: CleanupRules) -> int:
    try:
        with _worded(root):
            found = preview(listing.open_volume(root), rules)
    except ApiServerError as error:
        raise CommandError(str(error), TROUBLE) from error
    _print(found.removals, "Nothing would be removed.")
    for note in found.notes:
        _say(note)
    return 0


def _print(removals: Iterable[Removal | RemovedModel], nothing: str) -> None:
    rows = [(one.id, one.revision, format_bytes(one.bytes), one.why) for one in removals]
    click.echo(table(REMOVAL_HEAD, rows) if rows else nothing)


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


@contextmanager
def _worded(root: Path) -> Iterator[None]:
    """What is wrong with a folder as a CommandError."""
    try:
        yield
    except InvalidVolumeError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{error.filename or root} cannot be read: {error.strerror}") from error
