"""Removes a model from a volume: its links, its revision, and blobs that no other commit links to."""

import errno
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from huggingface_hub import CachedRevisionInfo, HFCacheInfo, scan_cache_dir

from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume import missing_files
from hooks.jobs.volume.layout import MountedVolume, Repo

SCAN_ATTEMPTS = 3


def remove_model(volume: MountedVolume, model: CachedModel, others: Iterable[CachedModel]) -> int:
    """Removes a model whose lock is held, and returns the freed bytes; OSError where a part remains.

    Blobs that another commit links to stay, and so do the files of an interrupted download of another revision. Where
    one of `others` is the same commit, only the ref is removed.
    """
    repo = volume.repo(model.id)
    if repo.commit(model.revision) == model.commit:
        repo.ref(model.revision).unlink(missing_ok=True)
    if any((one.id, one.commit) == (model.id, model.commit) for one in others):
        return 0
    _remove_dangling(repo)
    freed = 0
    found = _scan(volume.hub)
    for one in (one for folder in found.repos for one in folder.revisions):
        if one.snapshot_path.resolve() == repo.snapshot(model.commit).resolve():
            strategy = found.delete_files(*one.files)
            strategy.execute()
            _remove_refs(repo, one)
            freed += strategy.expected_freed_size
    if repo.snapshot(model.commit).exists():
        raise OSError(errno.EINVAL, "its layout is not that of the hub's cache", str(repo.path))
    for left in missing_files.leftovers(repo):  # a removal cut short, or one that huggingface_hub warned of
        if left.path.name in model.blobs:
            left.path.unlink()
            freed += left.bytes
    remove_if_empty(repo)
    return freed


def _scan(hub: Path) -> HFCacheInfo:
    """Scans the cache; scans again where a file of another model has just been removed."""
    for _ in range(SCAN_ATTEMPTS):
        with suppress(FileNotFoundError):
            return scan_cache_dir(hub)
    return scan_cache_dir(hub)


def _remove_refs(repo: Repo, commit: CachedRevisionInfo) -> None:
    """Removes the refs and the snapshot of a commit whose files are removed."""
    for name in commit.refs:
        repo.ref(name).unlink(missing_ok=True)
    repo.tree(commit.commit_hash).unlink(missing_ok=True)
    shutil.rmtree(repo.snapshot(commit.commit_hash))


def _remove_dangling(repo: Repo) -> None:
    """Removes dangling links and refs: huggingface_hub refuses to scan a folder that has any."""
    for path in (repo.path / "snapshots").rglob("*"):
        if path.is_symlink() and not path.exists():
            path.unlink()
    for path in (repo.path / "refs").rglob("*"):
        if path.is_file() and not repo.snapshot(path.read_text(encoding="utf-8").strip()).is_dir():
            path.unlink()


def remove_if_empty(repo: Repo) -> None:
    """Removes the folder of a model that has no files left."""
    kept = (one for name in ("blobs", "snapshots") for one in (repo.path / name).glob("*"))
    if repo.path.exists() and not any(kept):
        shutil.rmtree(repo.path)
