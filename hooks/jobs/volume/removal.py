"""How a model goes from the volume: its links, its revision, and the blobs that nothing else there needs."""

import errno
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from huggingface_hub import CachedRevisionInfo, HFCacheInfo, scan_cache_dir

from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume import missing_files
from hooks.jobs.volume.layout import Repo, Volume

AGAIN = 3


def remove(volume: Volume, model: CachedModel, others: Iterable[CachedModel]) -> int:
    """Remove a model whose lock is held, and return the bytes that this frees; OSError where not all of it goes.

    Blobs that another commit links to stay, as does what an interrupted download of another revision has brought so
    far. Where one of `others` is the same commit, only the name goes.
    """
    repo = volume.repo(model.id)
    if repo.commit(model.revision) == model.commit:
        repo.ref(model.revision).unlink(missing_ok=True)
    if any((one.id, one.commit) == (model.id, model.commit) for one in others):
        return 0
    _mend(repo)
    freed = 0
    found = _scanned(volume.hub)
    for one in (one for known in found.repos for one in known.revisions):
        if one.snapshot_path.resolve() == repo.snapshot(model.commit).resolve():
            strategy = found.delete_files(*one.files)
            strategy.execute()
            _forget(repo, one)
            freed += strategy.expected_freed_size
    if repo.snapshot(model.commit).exists():
        raise OSError(errno.EINVAL, "it is not laid out as a cache of the hub", str(repo.path))
    for left in missing_files.leftovers(repo):  # a removal cut short, or one that huggingface_hub warned of
        if left.path.name in model.blobs:
            left.path.unlink()
            freed += left.bytes
    tidy(repo)
    return freed


def _scanned(hub: Path) -> HFCacheInfo:
    """What is in the cache. Files of other models come and go meanwhile, which is no reason to give up."""
    for _ in range(AGAIN):
        with suppress(FileNotFoundError):
            return scan_cache_dir(hub)
    return scan_cache_dir(hub)


def _forget(repo: Repo, commit: CachedRevisionInfo) -> None:
    """The names of a commit whose files are gone."""
    for name in commit.refs:
        repo.ref(name).unlink(missing_ok=True)
    repo.tree(commit.commit_hash).unlink(missing_ok=True)
    shutil.rmtree(repo.snapshot(commit.commit_hash))


def _mend(repo: Repo) -> None:
    """Take away links and names that lead nowhere: huggingface_hub refuses to look at a folder with any."""
    for path in (repo.path / "snapshots").rglob("*"):
        if path.is_symlink() and not path.exists():
            path.unlink()
    for path in (repo.path / "refs").rglob("*"):
        if path.is_file() and not repo.snapshot(path.read_text(encoding="utf-8").strip()).is_dir():
            path.unlink()


def tidy(repo: Repo) -> None:
    """Remove the folder of a model of which nothing is left."""
    kept = (one for name in ("blobs", "snapshots") for one in (repo.path / name).glob("*"))
    if repo.path.exists() and not any(kept):
        shutil.rmtree(repo.path)
