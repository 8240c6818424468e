"""The hashes that the hub names contents by, and the check of files against them."""

import hashlib
import threading
from collections.abc import Callable
from io import SEEK_END, FileIO
from pathlib import Path
from typing import Protocol

from hooks.jobs.volume.retry import CancelledError
from hooks.jobs.volume.volume_files import VolumeFiles

READ_BYTES = 1 << 20
"""Bytes of one read."""
SHA256_LENGTH = 64


class Hash(Protocol):
    """A hash of hashlib."""

    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


def new_hash(name: str, size: int) -> Hash:
    """A hash of the kind of `name`: SHA-256 for Git LFS, else git's SHA-1, which begins with the size."""
    if len(name) == SHA256_LENGTH:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def hash_file(hasher: Hash, file: FileIO, stop: threading.Event, count: Callable[[int], None]) -> None:
    """Adds the rest of an open file to a hash. CancelledError when `stop` is set."""
    buffer = memoryview(bytearray(READ_BYTES))
    while read := file.readinto(buffer):
        if stop.is_set():
            raise CancelledError
        hasher.update(buffer[:read])
        count(read)


def matches_hash(files: VolumeFiles, blob: Path, stop: threading.Event, count: Callable[[int], None]) -> bool:
    """Whether the content of a blob has the hash that it is named by. FileNotFoundError, WrongKindError."""
    with files.stream(blob) as file:
        hasher = new_hash(blob.name, file.seek(0, SEEK_END))
        file.seek(0)
        hash_file(hasher, file, stop, count)
    return hasher.hexdigest() == blob.name
