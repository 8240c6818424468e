"""A commit's files as links to blobs, which engines open, and the check that they are complete."""

import os
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError

from aimlib.caching.volume_index import CachedModel, VolumeFile
from hooks.jobs.volume import disk, index, missing_files
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume, Repo
from hooks.jobs.volume.request import DownloadRequest


def publish_snapshot(
    repo: Repo, request: DownloadRequest, commit: str, files: tuple[VolumeFile, ...], *, all_of_it: bool
) -> None:
    """Links the blobs, which are complete, into the commit's snapshot, and then sets the revision to that commit."""
    folder = repo.snapshot(commit)
    for file in files:
        _link(folder / file.path, repo.blobs / file.hash)
    if not all_of_it:
        # Engines use patterns of their own; with this list, huggingface_hub would miss the excluded files.
        repo.tree(commit).unlink(missing_ok=True)
    disk.sync_folder(repo.blobs)
    disk.sync_folder(folder)
    if request.revision != commit:
        disk.write_atomically(repo.ref(request.revision), commit)


def _link(name: Path, blob: Path) -> None:
    target = os.path.relpath(blob, name.parent)
    name.parent.mkdir(parents=True, exist_ok=True)
    if name.is_symlink() and name.readlink() == Path(target):
        return
    name.unlink(missing_ok=True)
    name.symlink_to(target)


def check_snapshot(volume: MountedVolume, request: DownloadRequest, commit: str) -> Path:
    """The snapshot's folder, as huggingface_hub finds it without a network. DownloadError where it is incomplete."""
    expected = volume.repo(request.model).snapshot(commit)
    try:
        found = snapshot_download(
            request.model,
            revision=request.revision,
            cache_dir=volume.hub,
            local_files_only=True,
            allow_patterns=request.allowed,
            ignore_patterns=request.ignored,
        )
    except IncompleteSnapshotError as error:
        raise DownloadError(
            "NotOnVolume", f"{request.name} is incomplete on the volume at {request.root}: {error}"
        ) from error
    except LocalEntryNotFoundError as error:
        raise DownloadError(
            "NotOnVolume", f"{request.name} is not on the volume at {request.root}: there is no {expected}"
        ) from error
    return Path(found)


def indexed_model(volume: MountedVolume, request: DownloadRequest, log: Callable[[str], None]) -> CachedModel | None:
    """The model's entry of the index, where it has the requested files and none is missing; contents are not read."""
    model = index.load_index(request.root, log).models.get(request.key)
    whole = (
        model
        and model.patterns == request.patterns
        and not missing_files.find_missing(volume.repo(request.model), model)
    )
    return model if whole else None
