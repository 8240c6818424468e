"""Removes a model from a volume: its links, its revision, and blobs that no other commit links to."""

from collections.abc import Iterable

from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume.layout import MountedVolume, Repo


def remove_model(volume: MountedVolume, model: CachedModel, others: Iterable[CachedModel]) -> int:
    """Removes a model whose lock is held, and returns the freed bytes; OSError where a part remains.

    Blobs that another commit links to stay, and so do the files of an interrupted download of another revision. Where
    one of `others` is the same commit, only the ref is removed. A removal that is cut short continues with the next
    one, since the links stay until their blobs are gone.
    """
    repo = volume.repo(model.id)
    files = repo.files
    revisions = repo.revisions()
    if revisions.get(model.revision) == model.commit:
        files.remove_file(repo.ref(model.revision))
    if any((other.id, other.commit) == (model.id, model.commit) for other in others):
        return 0
    shared = {blob for commit in repo.commits() if commit != model.commit for _, blob in repo.links(commit)}
    own = {blob for _, blob in repo.links(model.commit)} | {repo.blobs / name for name in model.blobs}
    freed = 0
    for blob in sorted(one for one in own - shared if one):
        found = files.find(blob)
        files.remove_file(blob)
        freed += found.stat.st_size if found else 0
    for name in (name for name, commit in revisions.items() if commit == model.commit):
        files.remove_file(repo.ref(name))
    files.remove_file(repo.tree(model.commit))
    files.remove_tree(repo.snapshot(model.commit))
    remove_if_empty(repo)
    return freed


def remove_if_empty(repo: Repo) -> None:
    """Removes the folder of a model that has no files left."""
    if not repo.files.entries(repo.blobs) and not repo.files.entries(repo.snapshots):
        repo.files.remove_tree(repo.path)
