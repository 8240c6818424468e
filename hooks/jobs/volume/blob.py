"""Downloads and verifies one blob of a model; a download that was killed continues at the byte where it ended.

Received bytes are in `<blob>.incomplete`, whose length is the only state. The hash is computed while bytes arrive.
Bytes are written at their own offset, never appended: if the file system's locks fail and two downloads run at once,
both write the same.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from aimlib.caching.volume_index import VolumeFile
from aimlib.printable import printable
from hooks.jobs.volume import hashes
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import MAX_CAUSE, FileResponse, root_cause
from hooks.jobs.volume.hub import HubClient
from hooks.jobs.volume.layout import Repo
from hooks.jobs.volume.progress import Progress
from hooks.jobs.volume.retry import CancelledError, RetryPolicy, retry

MAX_RANGE_BYTES = 32 << 30
"""Most bytes of one request; the hub's content delivery network serves no response of 50 GB and more (source:
MAX_HTTP_DOWNLOAD_SIZE of huggingface_hub)."""
WITH_BODY = {200, 206}


@dataclass(eq=False)
class BlobDownloader:
    """Downloads blobs of one commit into a folder."""

    hub: HubClient
    commit: str
    repo: Repo
    progress: Progress
    retry_policy: RetryPolicy
    stop: threading.Event = field(default_factory=threading.Event)
    responses: set[BaseHTTPResponse] = field(default_factory=set)

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
            f"{file.path} of {self.hub.model} is corrupt after two downloads from {self.hub.endpoint}: its "
            f"{file.size} bytes do not have the hash {file.hash}",
        )

    def abort(self) -> None:
        """Ends all transfers; called from another thread."""
        self.stop.set()
        for response in tuple(self.responses):
            try:
                response.shutdown()
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
        if hasher.hexdigest() != file.hash:
            self._discard(incomplete, file.size)
            return False
        self.repo.files.rename_file(incomplete, blob.name)
        return True

    def _transfer(self, file: VolumeFile, out: FileIO, hasher: hashes.Hash) -> None:
        """Sends one request and writes its bytes. TransientError where the response ends early."""
        begin = out.tell()
        end = min(begin + MAX_RANGE_BYTES, file.size)
        byte_range = f"bytes={begin}-{end - 1}" if begin or end < file.size else None
        reply = self.hub.client.get(self.hub.url(self.commit, file.path), byte_range)
        try:
            self.responses.add(reply.response)
            if self.stop.is_set():
                raise CancelledError  # abort() ran before the response was registered
            self._check(reply, file, begin)
            self._copy(reply.response, end, out, hasher, skipped=begin if reply.response.status == 200 else 0)
        except HTTPError as error:
            raise TransientError(
                f"the transfer of {file.path} of {self.hub.model} failed: {root_cause(error)}"
            ) from error
        finally:
            self.responses.discard(reply.response)
            reply.response.close()
        if out.tell() < end:
            raise TransientError(
                f"the transfer of {file.path} of {self.hub.model} ended {end - out.tell()} bytes early"
            )

    def _check(self, reply: FileResponse, file: VolumeFile, begin: int) -> None:
        """Raises the error that a response means, unless it has the requested bytes."""
        status, headers = reply.response.status, reply.response.headers
        if status in WITH_BODY:
            found = headers.get("Content-Range", "")
            if status == 206 and not found.startswith(f"bytes {begin}-"):
                got = printable(found, MAX_CAUSE) or "no Content-Range"
                raise TransientError(f"requested {file.path} from byte {begin} on, got {got}")
            return
        if reply.from_hub or "X-Error-Code" in headers:  # a mirror may redirect to another hub
            raise self.hub.refusal(reply)
        raise self.hub.storage_error(reply, file.path)

    def _copy(self, response: BaseHTTPResponse, end: int, out: FileIO, hasher: hashes.Hash, skipped: int) -> None:
        """Copies the body to file and hash, without the first `skipped` bytes, which the file already has."""
        position = out.tell()
        while chunk := response.read1(hashes.READ_BYTES):  # to the end, so that the connection can be reused
            if self.stop.is_set():
                raise CancelledError
            if position >= end:
                break
            new_bytes = memoryview(chunk)[skipped : skipped + end - position]
            skipped = max(skipped - len(chunk), 0)
            hasher.update(new_bytes)
            position += _write(out, new_bytes, self.progress.add)


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
