"""The reader of a folder: of a PersistentVolumeClaim that is mounted read-only, or of this machine.

Whoever writes to the folder may replace anything in it at any time: files are opened without following links, and a
file whose size or time of change differs from what was listed is not continued. A link to a file in the same tree
counts as that file, as Hugging Face's cache has them. One that leads out of it is never followed: who made the folder
would choose what else of this machine is copied to a volume that others read.
"""

import os
from collections.abc import Callable, Iterable
from errno import EACCES
from io import SEEK_SET, FileIO
from pathlib import Path
from typing import NamedTuple

from aimlib.caching.volume_index import VolumeFile
from aimlib.printable import printable
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.folder_handles import Entry
from hooks.jobs.volume.reader import (
    Listing,
    OpenedFile,
    Reader,
    check_paths,
    identity,
    listed_commit,
    listed_file,
)
from hooks.jobs.volume.volume_files import VolumeFiles

MAX_FILES = 100_000


class FolderBody(NamedTuple):
    """The bytes of a file, which stays what it was while it is read."""

    file: FileIO
    changed: DownloadError
    listed: tuple[int, int]
    """Size and time of change."""

    def read1(self, amt: int, /) -> bytes:
        found = self.file.read(amt) or b""
        if not found and _version(os.fstat(self.file.fileno())) != self.listed:
            raise self.changed
        return found

    def close(self) -> None:
        self.file.close()

    def shutdown(self) -> None:
        """Reading a file ends by itself."""


class FolderReader(Reader):
    """A folder below a root, which is trusted to be what it is. DownloadError where it cannot be read."""

    def __init__(self, root: Path, path: str, name: str, *, refuses_links_out: bool = False) -> None:
        """`refuses_links_out` is for a folder that is to be copied whole; else such links are left out."""
        self.refuses_links_out = refuses_links_out
        self.files, self.folder = VolumeFiles(root), root / path if path else root
        self.model, self.place = name, "the folder"
        self.versions: dict[str, tuple[Path, tuple[int, int]]] = {}

    def listing(self) -> Listing:
        return self._listed(self.files.tree, refuses_links_out=self.refuses_links_out)

    def top_listing(self) -> Listing:
        return self._listed(self.files.entries, refuses_links_out=True)

    def _listed(self, entries: Callable[[Path], Iterable[Entry]], *, refuses_links_out: bool) -> Listing:
        try:
            if not self.files.is_folder(self.folder):
                raise DownloadError("NotFound", f"{self.model} is not a folder{self._link()}: correct the source")
            found = [(entry, self._target(entry, refuses_out=refuses_links_out)) for entry in entries(self.folder)]
        except OSError as error:
            raise self._unreadable(error) from error
        whole = [(entry, target) for entry, target in found if target is not None]
        if not whole or len(whole) > MAX_FILES:
            count = f"has {len(whole)} files, and may have {MAX_FILES} at most" if whole else "has no files"
            raise DownloadError("NoFiles", f"{self.model} {count}")
        files = tuple(self._file(entry, target) for entry, target in whole)
        check_paths(self, [file.path for file in files])
        self.identities = frozenset(file.hash for file in files)
        return Listing(listed_commit(files), files)

    def _link(self) -> str:
        """What is there instead of the folder, where that is a link."""
        found = self.files.find(self.folder) if self.folder != self.files.root else None
        return ", but a symbolic link, which is not followed" if found and found.is_link else ""

    def _target(self, entry: Entry, *, refuses_out: bool) -> Entry | None:
        """The file that an entry is, or links to in the same tree; None for anything else."""
        if not entry.is_link:
            return entry if entry.is_file else None
        target = Path(os.path.normpath(entry.path.parent / (self.files.link_target(entry.path) or "")))
        inside = target.is_relative_to(self.files.root)
        if refuses_out and not inside:
            name = printable(entry.path.relative_to(self.folder).as_posix(), 200)
            raise DownloadError(
                "NotFound", f"{name} in {self.model} is a link out of it, which is not followed: put the file there"
            )
        found = self.files.find(target) if inside else None
        return found if found and found.is_file else None

    def _file(self, entry: Entry, target: Entry) -> VolumeFile:
        path, version = entry.path.relative_to(self.folder).as_posix(), _version(target.stat)
        self.versions[path] = (target.path, version)
        return listed_file(self, path, version[0], identity(self.model, path, *version))

    def transfer(self, commit: str, file: VolumeFile, begin: int, end: int) -> OpenedFile:  # noqa: ARG002 - all of the rest
        path, version = self.versions[file.path]
        changed = DownloadError(
            "Changed", f"{file.path} of {self.model} was replaced while it was read: it is listed anew"
        )
        try:
            opened = self.files.opened(path)
        except FileNotFoundError as error:
            raise changed from error
        except OSError as error:
            raise self._unreadable(error) from error
        body = FolderBody(opened, changed, version)
        if _version(os.fstat(opened.fileno())) != version:
            body.close()
            raise changed
        opened.seek(begin, SEEK_SET)
        return OpenedFile(body)

    def _unreadable(self, error: OSError) -> DownloadError:
        reader = f" by user {os.getuid()}" if error.errno == EACCES else ""
        why = printable(str(error.strerror or error), 200)
        return DownloadError("NotFound", f"{self.model} cannot be read{reader}: {why}")


def _version(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns
