"""A commit's files as links to blobs: what engines open, and whether all of it is there."""

import os
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError

from aimlib.caching.volume_index import CachedModel, VolumeFile
from hooks.jobs.volume import disk, index, missing_files
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import Repo, Volume
from hooks.jobs.volume.request import Wish


def publish(repo: Repo, wish: Wish, commit: str, files: tuple[VolumeFile, ...], *, all_of_it: bool) -> None:
    """Link the blobs, which are all there, into the commit's snapshot, and then let the revision be that commit."""
    folder = repo.snapshot(commit)
    for file in files:
        _link(folder / file.path, repo.blobs / file.hash)
    if not all_of_it:
        # Engines match patterns of their own; huggingface_hub would miss the files that were left out on purpose.
        repo.tree(commit).unlink(missing_ok=True)
    disk.settle(repo.blobs)
    disk.settle(folder)
    if wish.revision != commit:
        disk.replace(repo.ref(wish.revision), commit)


def _link(name: Path, blob: Path) -> None:
    target = os.path.relpath(blob, name.parent)
    name.parent.mkdir(parents=True, exist_ok=True)
    if name.is_symlink() and name.readlink() == Path(target):
        return
    name.unlink(missing_ok=True)
    name.symlink_to(target)


def check(volume: Volume, wish: Wish, commit: str) -> Path:
    """The snapshot's folder, as huggingface_hub finds it without a network. DownloadError where it does not."""
    expected = volume.repo(wish.model).snapshot(commit)
    try:
        found = snapshot_download(
            wish.model,
            revision=wish.revision,
            cache_dir=volume.hub,
            local_files_only=True,
            allow_patterns=wish.allowed,
            ignore_patterns=wish.ignored,
        )
    except IncompleteSnapshotError as error:
        raise DownloadError("NotOnVolume", f"{wish.name} is not whole on the volume at {wish.root}: {error}") from error
    except LocalEntryNotFoundError as error:
        raise DownloadError(
            "NotOnVolume", f"{wish.name} is not on the volume at {wish.root}: there is no {expected}"
        ) from error
    return Path(found)


def known(volume: Volume, wish: Wish, say: Callable[[str], None]) -> CachedModel | None:
    """The model by the index, where it is the files that are wanted and all of them are there; nothing is read."""
    model = index.load(wish.root, say).models.get(wish.key)
    whole = model and model.patterns == wish.patterns and not missing_files.objections(volume.repo(wish.model), model)
    return model if whole else None
