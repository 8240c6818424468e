"""Downloads and verifies one blob of a model; a download that was killed continues at the byte where it ended.

Received bytes are in `<blob>.incomplete`, whose length is the only state. The hash is computed while bytes arrive.
Bytes are written at their own offset, never appended: if the file system's locks fail and two downloads run at once,
both write the same.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import NamedTuple, NoReturn

from urllib3.exceptions import HTTPError

from aimlib.caching.volume_index import VolumeFile
from hooks.jobs.volume import hashes, learned_hashes
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import root_cause
from hooks.jobs.volume.layout import Repo
from hooks.jobs.volume.progress import Progress
from hooks.jobs.volume.reader import Body, Reader
from hooks.jobs.volume.retry import CancelledError, RetryPolicy, retry

MAX_RANGE_BYTES = 32 << 30
"""Most bytes of one request; the hub's content delivery network serves no response of 50 GB and more (source:
MAX_HTTP_DOWNLOAD_SIZE of huggingface_hub)."""


class Sent(NamedTuple):
    """The bytes of a file that arrive."""

    file: VolumeFile
    body: Body
    skipped: int
    """Bytes at the beginning that were not requested."""


@dataclass(eq=False)
class BlobDownloader:
    """Downloads blobs of one commit into a folder."""

    reader: Reader
    commit: str
    repo: Repo
    progress: Progress
    retry_policy: RetryPolicy
    stop: threading.Event = field(default_factory=threading.Event)
    bodies: set[Body] = field(default_factory=set)
    learned: dict[str, str] = field(default_factory=dict)
    """The hashes of contents by identity, of what was read first here."""

    def __post_init__(self) -> None:
        self.count_existing = _count_nothing if self.progress.done else self.progress.add
        """Counts bytes that were on the volume before, unless they are counted already."""

    def download(self, file: VolumeFile) -> None:
        """Downloads the blob of a file. DownloadError (Corrupt) when its hash is wrong twice."""
        blob = self.repo.blobs / file.hash
        if has_size(self.repo, blob, file.size):
            if hashes.matches_hash(self.repo.files, blob, self.stop, self.count_existing):
                return
            self._discard(blob, file.size)
        self.repo.files.remove_file(blob)
        for _ in range(2):
            if self._download_whole(file, blob):
                return
        raise DownloadError(
            "Corrupt",
            f"{file.path} of {self.reader.model} is corrupt after two downloads from {self.reader.place}: its "
            f"{file.size} bytes do not have the hash {file.hash}",
        )

    def abort(self) -> None:
        """Ends all transfers; called from another thread."""
        self.stop.set()
        for body in tuple(self.bodies):
            try:
                body.shutdown()
            except (OSError, ValueError, RuntimeError):
                continue  # it has just ended by itself

    def _discard(self, path: Path, size: int) -> None:
        self.repo.files.remove_file(path)
        self.progress.add(-size)

    def _download_whole(self, file: VolumeFile, blob: Path) -> bool:
        """Downloads the remaining bytes; returns whether the hash matches, else deletes the file."""
        incomplete = incomplete_path(blob)
        hasher = hashes.new_hash(file.hash, file.size)
        if part_size(self.repo, incomplete, file.size) is None:
            self.repo.files.remove_file(incomplete)
        with self.repo.files.stream(incomplete, write=True) as out:
            hashes.hash_file(hasher, out, self.stop, self.count_existing)
            while out.tell() < file.size:
                retry(lambda: self._transfer(file, out, hasher), self.retry_policy, self.stop, out.tell)
            os.fsync(out.fileno())
        found, name = hasher.hexdigest(), blob.name
        if name in self.reader.identities:
            learned_hashes.learn(self.repo, name, found)
            self.learned[name], name = found, found
        if found != name:
            self._discard(incomplete, file.size)
            return False
        self.repo.files.rename_file(incomplete, name)
        return True

    def _transfer(self, file: VolumeFile, out: FileIO, hasher: hashes.Hash) -> None:
        """Sends one request and writes its bytes. TransientError where the response ends early."""
        begin = out.tell()
        end = min(begin + MAX_RANGE_BYTES, file.size)
        body, skipped = self.reader.transfer(self.commit, file, begin, end)
        try:
            self.bodies.add(body)
            if self.stop.is_set():
                raise CancelledError  # abort() ran before the body was registered
            self._copy(Sent(file, body, skipped), end, out, hasher)
        except HTTPError as error:
            raise TransientError(
                f"the transfer of {file.path} of {self.reader.model} failed: {root_cause(error)}"
            ) from error
        finally:
            self.bodies.discard(body)
            body.close()
        if out.tell() < end:
            raise TransientError(
                f"the transfer of {file.path} of {self.reader.model} ended {end - out.tell()} bytes early"
            )

    def _copy(self, sent: Sent, end: int, out: FileIO, hasher: hashes.Hash) -> None:
        """Copies the body to file and hash, without the bytes that the file already has; they must be the same."""
        position, skipped, again = out.tell(), sent.skipped, hashlib.sha256()
        before = hasher.hexdigest()
        while chunk := sent.body.read1(hashes.READ_BYTES):  # to the end, so that the connection can be reused
            if self.stop.is_set():
                raise CancelledError
            if position >= end:
                break
            new_bytes = memoryview(chunk)[skipped : skipped + end - position]
            if skipped:
                again.update(chunk[:skipped])
                skipped = max(skipped - len(chunk), 0)
                if not skipped and sent.file.hash in self.reader.identities and again.hexdigest() != before:
                    self._replaced(sent.file, position)
            hasher.update(new_bytes)
            position += _write(out, new_bytes, self.progress.add)

    def _replaced(self, file: VolumeFile, received: int) -> NoReturn:
        """Drops what was received of a file whose source sends other bytes now. DownloadError (Changed)."""
        self._discard(incomplete_path(self.repo.blobs / file.hash), received)
        raise DownloadError(
            "Changed",
            f"{file.path} of {self.reader.model} was replaced at {self.reader.place} since its download began: it is "
            "downloaded from the beginning",
        )


def _count_nothing(_: int) -> None:
    """Counts nothing."""


def _write(out: FileIO, data: memoryview, count: Callable[[int], None]) -> int:
    """Writes all of `data`; a single write may take only a part of it."""
    left = data
    while left:
        taken = out.write(left)
        left = left[taken:]
        count(taken)
    return len(data)


def incomplete_path(blob: Path) -> Path:
    """The file that holds a blob's bytes until it is complete."""
    return blob.with_name(f"{blob.name}.incomplete")


def has_size(repo: Repo, path: Path, size: int) -> bool:
    """Whether there is a file of that size."""
    found = repo.files.find(path)
    return found is not None and found.is_file and found.stat.st_size == size


def part_size(repo: Repo, incomplete: Path, size: int) -> int | None:
    """The size of an incomplete file; None where it is larger than `size`, or no file."""
    found = repo.files.find(incomplete)
    if found is None:
        return 0
    return found.stat.st_size if found.is_file and found.stat.st_size <= size else None
