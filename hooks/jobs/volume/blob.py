"""One blob of a model, brought onto the volume and verified: from byte to byte, so that a killed download goes on.

What has arrived is in `<blob>.incomplete`, and its length is all that a later process needs to know. The hash is made
while the bytes arrive. Bytes are written at their own place, never appended: should the file system's locks fail and
two downloads meet, both write the same.
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
from hooks.jobs.volume import hashes
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import Answer, Web, cause
from hooks.jobs.volume.hub import Hub, asked_pause
from hooks.jobs.volume.progress import Progress
from hooks.jobs.volume.retry import Patience, StoppedError, persist

SEGMENT = 32 << 30
"""Most bytes asked for in one request; the hub's content delivery network serves no answer of 50 GB and more (source:
MAX_HTTP_DOWNLOAD_SIZE of huggingface_hub)."""
RANGES = {200, 206}


@dataclass(eq=False)
class Fetcher:
    """Brings blobs of one commit into a folder."""

    hub: Hub
    commit: str
    blobs: Path
    web: Web
    progress: Progress
    patience: Patience
    stop: threading.Event = field(default_factory=threading.Event)
    open: set[BaseHTTPResponse] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.seen = _ignore if self.progress.done else self.progress.add
        """Counts what was there before, unless it is counted already."""

    def bring(self, file: VolumeFile) -> None:
        """The blob of a file. DownloadError (Corrupt) when it is wrong twice."""
        blob = self.blobs / file.hash
        if sized(blob, file.size):
            if hashes.matches(blob, file.hash, self.stop, self.seen):
                return
            self._drop(blob, file.size)
        blob.unlink(missing_ok=True)
        for _ in range(2):
            if self._arrived(file, blob):
                return
        raise DownloadError(
            "Corrupt",
            f"{file.path} of {self.hub.model} is not what {self.hub.endpoint} says it is, twice: its {file.size} bytes "
            f"have another hash than {file.hash}",
        )

    def abandon(self) -> None:
        """End all transfers, from another thread."""
        self.stop.set()
        for response in tuple(self.open):
            try:
                response.shutdown()
            except (OSError, ValueError, RuntimeError):
                continue  # it has just ended by itself

    def _drop(self, path: Path, size: int) -> None:
        path.unlink()
        self.progress.add(-size)

    def _arrived(self, file: VolumeFile, blob: Path) -> bool:
        """Whether all bytes came and are right; what is wrong is deleted."""
        part = incomplete(blob)
        made = hashes.digest(file.hash, file.size)
        if part_size(part, file.size) is None:
            part.unlink()
        elif part.exists():
            hashes.feed(made, part, self.stop, self.seen)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666), "wb", buffering=0) as out:
            out.seek(0, os.SEEK_END)
            while out.tell() < file.size:
                persist(lambda: self._transfer(file, out, made), self.patience, self.stop, out.tell)
            os.fsync(out.fileno())
        if made.hexdigest() != file.hash:
            self._drop(part, file.size)
            return False
        part.replace(blob)
        return True

    def _transfer(self, file: VolumeFile, out: FileIO, made: hashes.Digest) -> None:
        """One request, and its bytes. TransientError where they end early."""
        begin = out.tell()
        end = min(begin + SEGMENT, file.size)
        wanted = f"bytes={begin}-{end - 1}" if begin or end < file.size else None
        answer = self.web.get(self.hub.url(self.commit, file.path), wanted)
        try:
            self.open.add(answer.response)
            if self.stop.is_set():
                raise StoppedError  # it came too late to be ended
            self._check(answer, file, begin)
            self._copy(answer.response, end, out, made, skipped=begin if answer.response.status == 200 else 0)
        except HTTPError as error:
            raise TransientError(
                f"the transfer of {file.path} of {self.hub.model} broke off: {cause(error)}"
            ) from error
        finally:
            self.open.discard(answer.response)
            answer.response.close()
        if out.tell() < end:
            raise TransientError(
                f"the transfer of {file.path} of {self.hub.model} ended {end - out.tell()} bytes early"
            )

    def _check(self, answer: Answer, file: VolumeFile, begin: int) -> None:
        """The answer is one with the wanted bytes, or the error that it means."""
        status, headers = answer.response.status, answer.response.headers
        if status in RANGES:
            found = headers.get("Content-Range", "")
            if status == 206 and not found.startswith(f"bytes {begin}-"):
                raise TransientError(f"asked for {file.path} from byte {begin} on, got {found or 'no Content-Range'}")
            return
        if answer.own:
            raise self.hub.refusal(status, headers)
        # Signed addresses expire; the next try asks the hub for another one.
        raise TransientError(
            f"the host that {self.hub.endpoint} names for {file.path} answered {status}", asked_pause(headers)
        )

    def _copy(self, response: BaseHTTPResponse, end: int, out: FileIO, made: hashes.Digest, skipped: int) -> None:
        """The body into the file and the hash; without the first `skipped` bytes, which are there already."""
        place = out.tell()
        while piece := response.read1(hashes.PIECE):  # to the very end, after which the connection is used again
            if self.stop.is_set():
                raise StoppedError
            if place >= end:
                break
            fresh = memoryview(piece)[skipped : skipped + end - place]
            skipped = max(skipped - len(piece), 0)
            made.update(fresh)
            place += _write(out, fresh, self.progress.add)


def _ignore(_: int) -> None:
    """Counts nothing."""


def _write(out: FileIO, data: memoryview, count: Callable[[int], None]) -> int:
    """All of `data`, which a single write need not take."""
    left = data
    while left:
        taken = out.write(left)
        left = left[taken:]
        count(taken)
    return len(data)


def incomplete(blob: Path) -> Path:
    """Where the bytes of a blob are until it is complete."""
    return blob.with_name(f"{blob.name}.incomplete")


def sized(path: Path, size: int) -> bool:
    """Whether there is a file of that size."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def part_size(part: Path, size: int) -> int | None:
    """The bytes of an incomplete file; None where it has more than it should."""
    try:
        found = part.stat().st_size
    except FileNotFoundError:
        return 0
    return found if found <= size else None
