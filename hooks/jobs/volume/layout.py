"""The paths on a volume: huggingface_hub's cache, and the operator's own files."""

import errno
import os
import re
from pathlib import Path
from typing import NamedTuple

from huggingface_hub.constants import REPO_TYPE_MODEL
from huggingface_hub.errors import HFValidationError
from huggingface_hub.file_download import repo_folder_name

from hooks.jobs.volume.disk import AIM, HUB
from hooks.jobs.volume.errors import DownloadError

COMMIT = re.compile(r"[0-9a-f]{40}")
NO_SYMLINK_ERRORS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
"""Errors of file systems without symbolic links (symlink(2))."""


class Repo(NamedTuple):
    """The folder of one model, as huggingface_hub lays it out."""

    path: Path

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    def snapshot(self, commit: str) -> Path:
        """The files of one commit, as links to blobs."""
        return self.path / "snapshots" / commit

    def ref(self, revision: str) -> Path:
        """The file that holds the commit of a branch or tag."""
        return self.path / "refs" / revision

    def tree(self, commit: str) -> Path:
        """huggingface_hub's list of all files of a commit."""
        return self.path / "trees" / f"{commit}.json"

    def commit(self, revision: str) -> str | None:
        """The commit of a revision on the volume; None where there is none."""
        if COMMIT.fullmatch(revision):
            return revision
        try:
            found = self.ref(revision).read_text(encoding="utf-8").strip()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        return found if COMMIT.fullmatch(found) else None


class MountedVolume(NamedTuple):
    """A mounted cache."""

    root: Path

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
        try:
            return Repo(self.hub / repo_folder_name(repo_id=model_id, repo_type=REPO_TYPE_MODEL))
        except HFValidationError as error:
            raise DownloadError("NotFound", f"{model_id!r} is not a model id such as Qwen/Qwen3-32B") from error

    def prepare(self) -> None:
        """Creates the folders, and checks that symbolic links work. OSError, or DownloadError."""
        self.hub.mkdir(parents=True, exist_ok=True)
        self.locks.mkdir(parents=True, exist_ok=True)
        probe = self.locks / f"{os.urandom(8).hex()}.link"  # in a container, every process is number 1
        try:
            probe.symlink_to("nowhere")
        except OSError as error:
            if error.errno not in NO_SYMLINK_ERRORS:
                raise
            raise DownloadError(
                "VolumeRefused", f"the file system of {self.root} does not support symbolic links, which a cache needs"
            ) from error
        probe.unlink()
