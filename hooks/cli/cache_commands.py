"""The commands `aim cache ls`, `verify` and `gc`; each returns its exit code."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aimlib.api.meta import Raw
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from aimlib.caching.eviction import CleanupPolicy, Removal
from aimlib.caching.job_reports import RemovedModel
from aimlib.caching.volume_index import CachedModel
from aimlib.printable import printable
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError
from hooks.cli.formats import as_list
from hooks.cli.printing import printed_as_data
from hooks.cli.tables import Cell, table
from hooks.cli.terminal import DATA_OUTPUTS, show
from hooks.jobs.volume import cleanup, disk, listing, termination
from hooks.jobs.volume.cleanup_plan import preview
from hooks.jobs.volume.cluster import CacheClient
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.listing import InvalidVolumeError, ListedModel
from hooks.jobs.volume.policy import CacheRules, CleanupRules, OptionRules
from hooks.kube_client import ApiServerError

DAMAGED_CODE = 3
"""Exit code of a verification that found damage."""
SHORT_COMMIT = 8
"""Digits of a commit in a table."""
MODEL_HEAD = ("MODEL", "REVISION", "COMMIT", "SIZE", "FILES", "STATE", "CACHED", "LAST USED")
WIDE_MODEL_HEAD = (*MODEL_HEAD, "FOLDER", "WRONG")
REMOVAL_HEAD = ("MODEL", "REVISION", "SIZE", "WHY")


def print_models(root: Path, output: str) -> int:
    """Prints the models of a volume, and how full it is."""
    with _as_command_errors(root):
        found = listing.list_volume(listing.open_volume(root))
        volume = disk.measure(root)
    if printed_as_data(output, lambda: {"models": [_data(model) for model in found], "volume": volume.wire()}):
        return 0
    wide = output == "wide"
    show(table(WIDE_MODEL_HEAD if wide else MODEL_HEAD, [_row(model, wide=wide) for model in found]))
    used, total, free = map(format_bytes, (volume.used, volume.total, volume.available))
    show(f"\nThe cache has {used}; the volume has {total}, of which {free} are free.")
    return 0


def _data(model: ListedModel) -> Raw:
    more = {"commit": model.commit, "cachedAt": model.cached_at, "lastUsed": model.last_used, "wrong": [*model.wrong]}
    filled = {key: value for key, value in more.items() if value}
    size = {"bytes": model.bytes, "files": model.files, "folder": str(model.folder)}
    return {"id": model.id, "revision": model.revision, "state": model.state, **size, **filled}


def _row(model: ListedModel, *, wide: bool) -> tuple[Cell, ...]:
    commit = model.commit if wide else (model.commit or "")[:SHORT_COMMIT]
    size = (format_bytes(model.bytes), model.files)
    row = (model.id, model.revision, commit, *size, model.state, model.cached_at, model.last_used)
    return (*row, str(model.folder), "; ".join(model.wrong)) if wide else row


def verify_models(root: Path, model: str | None, output: str) -> int:
    """Reads every byte of the models, and prints the damage."""
    with _as_command_errors(root):
        volume = listing.open_volume(root)
        models = [model for _, model in sorted(listing.read_index(volume).models.items())]
    chosen = [one for one in models if model in (None, one.id)]
    if model and not chosen:
        there = ", ".join(sorted({one.id for one in models})) or "no models"
        raise CommandError(f"{root} has no model {model}; it has {there}")
    found = [(one, _find_damage(volume, one, quiet=output in DATA_OUTPUTS)) for one in chosen]
    if not printed_as_data(output, lambda: as_list(_verified(*one) for one in found)) and not chosen:
        show(f"There is no model in {root}.")
    return DAMAGED_CODE if any(wrong for _, wrong in found) else 0


def _find_damage(volume: MountedVolume, model: CachedModel, *, quiet: bool) -> tuple[str, ...]:
    """What is wrong with a model, shown at once where people wait for it."""
    name = f"{model.id}@{model.revision}"
    show(f"{name}: reading {len(model.files)} files, {format_bytes(model.bytes)}", err=True)
    wrong = (*listing.find_damage(volume, model),)
    if quiet:
        return wrong
    if wrong:
        blobs = volume.repo(model.id).blobs
        advice = f"To repair it, delete the damaged files from {blobs}; the next download or import restores them."
        show("\n  ".join((f"{name}: damaged", *wrong, advice)))
    else:
        show(f"{name}: verified, commit {model.commit}")
    return wrong


def _verified(model: CachedModel, wrong: tuple[str, ...]) -> Raw:
    state = "Damaged" if wrong else "Ready"
    return {"id": model.id, "revision": model.revision, "commit": model.commit, "state": state, "wrong": [*wrong]}


def print_cleanup(root: Path, cache: str | None, policy: CleanupPolicy, output: str, *, dry_run: bool) -> int:
    """Cleans up and prints what was removed; with `dry_run` prints what would be removed."""
    rules: CleanupRules = CacheRules(CacheClient(cache)) if cache else OptionRules(policy)
    if dry_run:
        return _print_preview(root, rules, output)
    try:
        with _as_command_errors(root), termination.interruptible():
            listing.open_volume(root)
            cleanup_done = cleanup.clean_up(root, rules, _note)
    except DownloadError as error:
        raise _failed(error.message, error.code) from error
    except KeyboardInterrupt:
        raise _failed(
            "the clean-up was stopped; the next one continues", DOWNLOAD_OUTCOMES["Interrupted"].code
        ) from None
    _print(cleanup_done.removed, "Nothing was removed.", output)
    if isinstance(cleanup_done.error, DownloadError):
        raise _failed(cleanup_done.error.message, cleanup_done.error.code)
    if cleanup_done.error:
        raise _failed(str(cleanup_done.error), CLUSTER_ERROR_CODE)
    return 0


def _failed(message: str, code: int) -> CommandError:
    termination.write_termination_message(message, _note)
    return CommandError(message, code)


def _print_preview(root: Path, rules: CleanupRules, output: str) -> int:
    try:
        with _as_command_errors(root):
            found = preview(listing.open_volume(root), rules)
    except ApiServerError as error:
        raise CommandError(str(error), CLUSTER_ERROR_CODE) from error
    _print(found.removals, "Nothing would be removed.", output)
    for note in found.notes:
        _note(note)
    return 0


def _print(removals: Iterable[Removal | RemovedModel], if_none: str, output: str) -> None:
    found = [*removals]
    if not printed_as_data(output, lambda: as_list(map(_removed, found))):
        rows = [(one.id, one.revision, format_bytes(one.bytes), one.why) for one in found]
        show(table(REMOVAL_HEAD, rows) if rows else if_none)


def _removed(one: Removal | RemovedModel) -> Raw:
    return {"id": one.id, "revision": one.revision, "bytes": one.bytes, "why": one.why}


def _note(sentence: str) -> None:
    show(sentence, err=True)


@contextmanager
def _as_command_errors(root: Path) -> Iterator[None]:
    """Turns errors of a folder into Failures."""
    try:
        yield
    except InvalidVolumeError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(printable(f"{error.filename or root} cannot be read: {error.strerror}")) from error
