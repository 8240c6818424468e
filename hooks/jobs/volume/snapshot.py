"""A commit's files as links to blobs, which engines open, and the check that they are complete."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from aimlib.caching.volume_index import CachedModel, VolumeFile, is_file_path
from hooks.jobs.volume import adapter, index, missing_files
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume, Repo
from hooks.jobs.volume.request import DownloadRequest

TREE_VERSION = 1
"""The version of huggingface_hub's list of files that is read here (its _tree_cache.py)."""
MAX_TREE = 64 << 20
"""Most bytes of that list."""


def publish_snapshot(
    repo: Repo, request: DownloadRequest, commit: str, files: tuple[VolumeFile, ...], *, all_of_it: bool
) -> None:
    """Links the blobs, which are complete, into the commit's snapshot, and then sets the revision to that commit."""
    folder = repo.snapshot(commit)
    for file in files:
        _link(repo, folder / file.path, repo.blobs / file.hash)
    if not all_of_it:
        # Engines use patterns of their own; with this list, huggingface_hub would miss the excluded files.
        repo.files.remove_file(repo.tree(commit))
    repo.files.sync_folder(repo.blobs)
    repo.files.sync_folder(folder)
    if request.revision != commit:
        repo.files.write_atomically(repo.ref(request.revision), commit.encode())


def _link(repo: Repo, name: Path, blob: Path) -> None:
    target = os.path.relpath(blob, name.parent)
    if repo.files.find(name) and repo.files.link_target(name) == target:
        return
    repo.files.remove_file(name)
    repo.files.make_link(name, target)


def check_snapshot(repo: Repo, request: DownloadRequest, commit: str) -> None:
    """Checks what huggingface_hub checks without a network. DownloadError where the snapshot is incomplete."""
    folder = repo.snapshot(commit)
    if not repo.files.is_folder(folder):
        raise DownloadError(
            "NotOnVolume", f"{request.name} is not on the volume at {request.root}: there is no {folder}"
        )
    listed = request.select_paths(path for path in _listed(repo, commit) if is_file_path(path))
    missing = [path for path in listed if repo.blob_of(folder / path) is None]
    if missing:
        more = f", and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise DownloadError(
            "NotOnVolume",
            f"{request.name} is incomplete on the volume at {request.root}: {', '.join(missing[:3])}{more} of the "
            "hub's list of its files are missing",
        )


def _listed(repo: Repo, commit: str) -> Iterator[str]:
    """The paths in huggingface_hub's list of a commit's files; none where there is no list that it would read."""
    try:
        found = json.loads(repo.files.read_file(repo.tree(commit), MAX_TREE))
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(found, dict) and found.get("format_version") == TREE_VERSION and isinstance(found.get("files"), dict):
        yield from found["files"]


def indexed_model(volume: MountedVolume, request: DownloadRequest, log: Callable[[str], None]) -> CachedModel | None:
    """The model's entry of the index, where it has the requested files and none is missing; contents are not read.

    Earlier releases made one of a model without weights, and of an adapter without its facts.
    """
    model = index.load_index(request.root, log).models.get(request.key)
    whole = (
        model
        and (model.patterns, model.source) == (request.patterns, request.source)
        and not request.lacks_weights(file.path for file in model.files)
        and not (model.adapter is None and adapter.is_adapter(file.path for file in model.files))
        and not missing_files.find_missing(volume.repo(request.model), model)
    )
    return model if whole else None
