"""What files hold: bytes as given, or so many pseudo-random ones that are made when they are read."""

import hashlib
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

PIECE = 1 << 16
"""Most bytes that are made at once."""
MARK = hashlib.sha256().digest_size


class Given(NamedTuple):
    """Bytes that a test wrote."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` to before `stop`, in pieces."""
        for place in range(start, stop, PIECE):
            yield self.data[place : min(place + PIECE, stop)]


class Noise(NamedTuple):
    """Bytes that follow from the seed: each piece begins with a mark of its own, so that none can stand for another."""

    seed: str
    size: int

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` to before `stop`, in pieces."""
        while start < stop:
            number, skipped = divmod(start, PIECE)
            piece = self._piece(number)[skipped : skipped + stop - start]
            yield piece
            start += len(piece)

    def _piece(self, number: int) -> bytes:
        mark = hashlib.sha256(f"{self.seed}/{number}".encode()).digest()
        place = int.from_bytes(mark[:3], "big") % (len(_noise()) - PIECE)
        return mark + _noise()[place : place + PIECE - MARK]


Contents = Given | Noise


@cache
def _noise() -> bytes:
    return hashlib.shake_256(b"what no file of a model holds").digest(1 << 22)


@lru_cache(maxsize=1000)
def sha256(contents: Contents) -> str:
    """The digest by which Git LFS names it."""
    digest = hashlib.sha256()
    for piece in contents.read(0, contents.size):
        digest.update(piece)
    return digest.hexdigest()


def git_sha1(contents: Contents) -> str:
    """The digest by which git names it as a blob."""
    digest = hashlib.sha1(b"blob %d\0" % contents.size, usedforsecurity=False)
    for piece in contents.read(0, contents.size):
        digest.update(piece)
    return digest.hexdigest()
