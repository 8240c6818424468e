"""The paths on a volume: huggingface_hub's cache, and the operator's own files."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from huggingface_hub.constants import REPO_TYPE_MODEL
from huggingface_hub.errors import HFValidationError
from huggingface_hub.file_download import repo_folder_name

from aimlib.api.formats import MODEL_ID
from aimlib.caching.volume_index import COMMIT
from hooks.jobs.volume.disk import AIM, HUB
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.folder_handles import Entry, WrongKindError
from hooks.jobs.volume.volume_files import VolumeFiles

MAX_REF = 1024
"""Most bytes of the file of a branch or tag."""
NO_SYMLINK_ERRORS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
"""Errors of file systems without symbolic links (symlink(2))."""


class Repo(NamedTuple):
    """The folder of one model, as huggingface_hub lays it out."""

    path: Path
    files: VolumeFiles

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def snapshots(self) -> Path:
        return self.path / "snapshots"

    @property
    def refs(self) -> Path:
        return self.path / "refs"

    def snapshot(self, commit: str) -> Path:
        """The files of one commit, as links to blobs."""
        return self.snapshots / commit

    def ref(self, revision: str) -> Path:
        """The file that holds the commit of a branch or tag."""
        return self.refs / revision

    def tree(self, commit: str) -> Path:
        """huggingface_hub's list of all files of a commit."""
        return self.path / "trees" / f"{commit}.json"

    def commit(self, revision: str) -> str | None:
        """The commit of a revision on the volume; None where there is none."""
        if COMMIT.fullmatch(revision):
            return revision
        try:
            found = self.files.read_file(self.ref(revision), MAX_REF).decode(errors="replace").strip()
        except FileNotFoundError:
            return None
        except WrongKindError as error:
            if error.errno in {errno.EISDIR, errno.ENOTDIR}:  # of the folder of other branches
                return None
            raise
        return found if COMMIT.fullmatch(found) else None

    def revisions(self) -> dict[str, str]:
        """The commits of all branches and tags on the volume, by name; what is no file is left out."""
        names = (one.path.relative_to(self.refs).as_posix() for one in self.files.tree(self.refs) if one.is_file)
        return {name: commit for name in names if (commit := self.commit(name))}

    def commits(self) -> list[str]:
        """The commits whose snapshots are on the volume."""
        names = (entry.path.name for entry in self.files.entries(self.snapshots) if entry.is_folder)
        return [name for name in names if COMMIT.fullmatch(name)]

    def links(self, commit: str) -> Iterator[tuple[str, Path | None]]:
        """The files of a snapshot by path, each with the blob that it links to; None where it links to none."""
        folder = self.snapshot(commit)
        for one in self.files.tree(folder):
            yield one.path.relative_to(folder).as_posix(), self.linked_blob(one.path) if one.is_link else None

    def linked_blob(self, path: Path) -> Path | None:
        """The blob of this model that a link leads to, whether it exists or not; None for anything else."""
        target = self.files.link_target(path)
        blob = Path(os.path.normpath(path.parent / target)) if target else None
        return blob if blob and blob.parent == self.blobs else None

    def blob_of(self, path: Path) -> Entry | None:
        """The blob of a file of a snapshot; None where it is missing, or no file."""
        blob = self.linked_blob(path)
        found = self.files.find(blob) if blob else None
        return found if found and found.is_file else None


class MountedVolume(NamedTuple):
    """A mounted cache."""

    root: Path

    @property
    def files(self) -> VolumeFiles:
        """Every access to it."""
        return VolumeFiles(self.root)

    @property
    def hub(self) -> Path:
        """huggingface_hub's cache, as in HF_HUB_CACHE."""
        return self.root / HUB

    @property
    def index_file(self) -> Path:
        return self.root / AIM / "index.json"

    @property
    def locks(self) -> Path:
        return self.root / AIM / "locks"

    def repo(self, model_id: str) -> Repo:
        """The folder of a model. DownloadError (NotFound) for what cannot be the id of one."""
        invalid = DownloadError("NotFound", f"{model_id!r} is not a model id such as Qwen/Qwen3-32B")
        if not re.fullmatch(MODEL_ID.pattern, model_id):
            raise invalid  # no report could have it
        try:
            return Repo(self.hub / repo_folder_name(repo_id=model_id, repo_type=REPO_TYPE_MODEL), self.files)
        except HFValidationError as error:
            raise invalid from error

    def prepare(self) -> None:
        """Creates the folders, and checks that symbolic links work. OSError, or DownloadError."""
        self.files.make_folder(self.hub)
        self.files.make_folder(self.locks)
        probe = self.locks / f"{os.urandom(8).hex()}.link"  # in a container, every process is number 1
        try:
            self.files.make_link(probe, "nowhere")
        except OSError as error:
            if error.errno not in NO_SYMLINK_ERRORS:
                raise
            raise DownloadError(
                "VolumeRefused", f"the file system of {self.root} does not support symbolic links, which a cache needs"
            ) from error
        self.files.remove_file(probe)
