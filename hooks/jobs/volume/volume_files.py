"""Every access to a volume: component by component below its root, without following links, and by handles.

Others may write to a volume at any time. So each call opens the root and then folder after folder relative to the
handle of the one above, never through a symbolic link, and checks what it has opened. Links are made, and read as text;
a pipe or a device is never waited for. Paths are names alone: only this module gives them to the operating system.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, FileIO
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from hooks.jobs.volume.folder_handles import (
    FOLDER,
    Entry,
    WrongKindError,
    clear_folder,
    closing_handle,
    folder_entries,
    folder_tree,
    in_place_of,
    open_folder,
    wrong_kind,
)

FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class VolumeFiles(NamedTuple):
    """The files below a root, which is trusted to be what it is; all paths have to be below it. OSError."""

    root: Path

    @contextmanager
    def _opened(self, path: Path, *, create: bool = False) -> Iterator[int]:
        """The handle of a folder; it and its parents are created where `create` is set."""
        handle = os.open(self.root, FOLDER)
        below = self.root
        try:
            for name in self._parts(path):
                below /= name
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=handle)
                inner = open_folder(name, handle, below)
                os.close(handle)
                handle = inner
            yield handle
        finally:
            os.close(handle)

    @contextmanager
    def _folder_of(self, path: Path, *, create: bool = False) -> Iterator[int]:
        """The handle of the folder that a path is in; errors name the whole path."""
        if not self._parts(path):
            raise WrongKindError(errno.EINVAL, "the root in place of a file", str(path))
        with self._opened(path.parent, create=create) as folder:
            try:
                yield folder
            except OSError as error:
                if isinstance(error, WrongKindError) or error.filename != path.name:
                    raise
                raise OSError(error.errno, error.strerror, str(path)) from error

    def _parts(self, path: Path) -> tuple[str, ...]:
        parts = PurePosixPath(path).relative_to(self.root).parts if path.is_relative_to(self.root) else ("..",)
        if any(part == ".." or "\0" in part for part in parts):
            raise WrongKindError(errno.EINVAL, "a path out of the volume", str(path))
        return parts

    def make_folder(self, path: Path) -> None:
        """Creates a folder and its parents, the root among them, where they do not exist."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._opened(path, create=True):
            pass

    def open_file(self, path: Path, flags: int = os.O_RDONLY) -> int:
        """Opens a regular file. WrongKindError for anything else."""
        with self._folder_of(path) as folder:
            try:
                handle = os.open(path.name, flags | FILE, 0o666, dir_fd=folder)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise wrong_kind(path, folder, "a file", error) from error
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            os.close(handle)
            raise in_place_of(mode, "a file", path)
        return handle

    @contextmanager
    def stream(self, path: Path, *, write: bool = False) -> Iterator[FileIO]:
        """Opens a regular file to read it; with `write` to write, too, and then it is created where there is none."""
        flags, mode = (os.O_RDWR | os.O_CREAT, "r+b") if write else (os.O_RDONLY, "rb")
        with FileIO(self.open_file(path, flags), mode) as file:
            yield file

    def opened(self, path: Path) -> FileIO:
        """Opens a regular file to read it, until it is closed. WrongKindError for anything else."""
        return FileIO(self.open_file(path), "rb")

    def read_file(self, path: Path, limit: int) -> bytes:
        """Reads a file. OSError (EFBIG) where it has more than `limit` bytes."""
        with BufferedReader(FileIO(self.open_file(path), "rb")) as file:
            found = file.read(limit + 1)
        if len(found) > limit:
            raise OSError(errno.EFBIG, f"a file of more than {limit} bytes", str(path))
        return found

    def find(self, path: Path) -> Entry | None:
        """What is at a path, which may be a link; None where there is nothing."""
        try:
            with self._folder_of(path) as folder:
                return Entry(path, os.stat(path.name, dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            return None

    def entries(self, path: Path) -> list[Entry]:
        """The entries of a folder, in the order of their names; none where it does not exist."""
        try:
            with self._opened(path) as folder:
                return list(folder_entries(folder, path))
        except FileNotFoundError:
            return []

    def tree(self, path: Path) -> Iterator[Entry]:
        """Everything below a folder but folders; what is removed meanwhile is left out."""
        with suppress(FileNotFoundError), self._opened(path) as folder:
            yield from folder_tree(folder, path, 0)

    def link_target(self, path: Path) -> str | None:
        """What a symbolic link leads to; None where there is none."""
        try:
            with self._folder_of(path) as folder:
                return os.readlink(path.name, dir_fd=folder)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.EINVAL:
                return None  # something else than a link
            raise

    def make_link(self, path: Path, target: str) -> None:
        """Creates a symbolic link, and the folder that it is in."""
        with self._folder_of(path, create=True) as folder:
            os.symlink(target, path.name, dir_fd=folder)

    def remove_file(self, path: Path) -> None:
        """Removes a file or a link, where there is one."""
        try:
            with self._folder_of(path) as folder:
                try:
                    os.unlink(path.name, dir_fd=folder)
                except (IsADirectoryError, PermissionError) as error:
                    raise wrong_kind(path, folder, "a file", error) from error
        except FileNotFoundError:
            return

    def remove_tree(self, path: Path) -> None:
        """Removes a folder with everything in it, where there is one."""
        try:
            with self._folder_of(path) as parent:
                with closing_handle(open_folder(path.name, parent, path)) as folder:
                    clear_folder(folder, path, 0)
                os.rmdir(path.name, dir_fd=parent)
        except FileNotFoundError:
            return

    def rename_file(self, path: Path, name: str) -> None:
        """Renames a file within its folder; one of that name is replaced."""
        with self._folder_of(path) as folder:
            os.replace(path.name, name, src_dir_fd=folder, dst_dir_fd=folder)

    def sync_folder(self, path: Path) -> None:
        """Syncs a folder, so that its names survive a power failure."""
        with self._opened(path) as folder:
            os.fsync(folder)

    def write_atomically(self, path: Path, content: bytes) -> None:
        """Writes a file atomically: readers find the former content or the new one."""
        fresh = f"{path.name}.{os.urandom(8).hex()}.tmp"
        with self._folder_of(path, create=True) as folder:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FILE, 0o666, dir_fd=folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(fresh, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(fresh, dir_fd=folder)
                raise
            os.fsync(folder)

    def is_folder(self, path: Path) -> bool:
        """Whether there is a folder, and no link to one."""
        try:
            with self._opened(path):
                return True
        except (FileNotFoundError, NotADirectoryError, WrongKindError):
            return False

    def space(self) -> os.statvfs_result:
        """The numbers of the file system."""
        return os.statvfs(self.root)
