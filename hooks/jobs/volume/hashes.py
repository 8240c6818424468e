"""The hashes by which the hub names contents, and files that are checked against them."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hooks.jobs.volume.retry import StoppedError

PIECE = 1 << 20
"""Bytes that are read at once."""
SHA256_LENGTH = 64


class Digest(Protocol):
    """A hash of hashlib."""

    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


def digest(name: str, size: int) -> Digest:
    """The hash that makes such names: SHA-256 for Git LFS, else git's own, which begins with the size."""
    if len(name) == SHA256_LENGTH:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def feed(into: Digest, path: Path, stop: threading.Event, count: Callable[[int], None]) -> None:
    """Feed a file to a hash. StoppedError when `stop` is set."""
    piece = memoryview(bytearray(PIECE))
    with path.open("rb", buffering=0) as file:
        while read := file.readinto(piece):
            if stop.is_set():
                raise StoppedError
            into.update(piece[:read])
            count(read)


def matches(path: Path, name: str, stop: threading.Event, count: Callable[[int], None]) -> bool:
    """Whether the content of a file is what `name` says. FileNotFoundError where there is none."""
    made = digest(name, path.stat().st_size)
    feed(made, path, stop, count)
    return made.hexdigest() == name
