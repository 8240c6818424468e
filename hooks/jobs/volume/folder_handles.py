"""Handles of folders, and what can be done relative to one without following a link: list, descend, remove."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from aimlib.errors import AimError

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC
MAX_NESTED = 64
"""Most folders below each other that are read or removed; each takes an open handle."""
KINDS = (
    (stat.S_ISREG, "a file", errno.ENOTDIR),
    (stat.S_ISDIR, "a folder", errno.EISDIR),
    (stat.S_ISLNK, "a symbolic link", errno.ELOOP),
    (stat.S_ISFIFO, "a pipe", errno.EINVAL),
    (stat.S_ISSOCK, "a socket", errno.EINVAL),
    (lambda _: True, "a device", errno.EINVAL),
)
"""What it is by its mode, its name, and the error where it is in place of another kind."""


class WrongKindError(AimError, OSError):
    """Something on the volume is a link, a pipe or a folder where another kind belongs; it was not touched."""


class Entry(NamedTuple):
    """An entry of a folder, as lstat(2) describes it."""

    path: Path
    stat: os.stat_result

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.stat.st_mode)

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.stat.st_mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.stat.st_mode)


@contextmanager
def closing_handle(handle: int) -> Iterator[int]:
    """Closes a handle at the end."""
    try:
        yield handle
    finally:
        os.close(handle)


def open_folder(name: str, parent: int, path: Path) -> int:
    """Opens a folder in another one; `path` is its whole path, for messages."""
    try:
        return os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    except OSError as error:
        if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
            raise
        raise wrong_kind(path, parent, "a folder", error) from error


def in_place_of(mode: int, expected: str, path: Path) -> WrongKindError:
    """The error that names what is in place of what was expected."""
    name, number = next((name, number) for applies, name, number in KINDS if applies(mode))
    return WrongKindError(number, f"{name} in place of {expected}", str(path))


def wrong_kind(path: Path, folder: int, expected: str, error: OSError) -> OSError:
    """The error that names what is in place of what was expected; else the error itself, with the whole path."""
    with suppress(OSError):
        mode = os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode
        if not (stat.S_ISDIR if expected == "a folder" else stat.S_ISREG)(mode):
            return in_place_of(mode, expected, path)
    return OSError(error.errno, error.strerror, str(path))


def folder_entries(folder: int, path: Path) -> Iterator[Entry]:
    """The entries of an open folder, in the order of their names."""
    for name in sorted(os.listdir(folder)):
        with suppress(FileNotFoundError):
            yield Entry(path / name, os.stat(name, dir_fd=folder, follow_symlinks=False))


def _check_depth(path: Path, depth: int) -> None:
    if depth > MAX_NESTED:
        raise WrongKindError(errno.EINVAL, f"more than {MAX_NESTED} folders below each other", str(path))


def folder_tree(folder: int, path: Path, depth: int) -> Iterator[Entry]:
    """Everything below an open folder but folders."""
    _check_depth(path, depth)
    for entry in folder_entries(folder, path):
        if not entry.is_folder:
            yield entry
            continue
        with suppress(FileNotFoundError), closing_handle(open_folder(entry.path.name, folder, entry.path)) as inner:
            yield from folder_tree(inner, entry.path, depth + 1)


def clear_folder(folder: int, path: Path, depth: int) -> None:
    """Removes everything in a folder."""
    _check_depth(path, depth)
    for entry in folder_entries(folder, path):
        name = entry.path.name
        with suppress(FileNotFoundError):
            if entry.is_folder:
                with closing_handle(open_folder(name, folder, entry.path)) as inner:
                    clear_folder(inner, entry.path, depth + 1)
                os.rmdir(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)
