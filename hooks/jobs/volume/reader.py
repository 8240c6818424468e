"""What a download needs of a source: the list of a model's files, and their bytes from an offset on.

Some sources state the hash of a file. Others state a size and a version; until such a file was read, it goes by its
identity, a digest of where it is and which version of it is meant, so that received bytes of another version are never
continued.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

from pydantic import ValidationError
from urllib3 import BaseHTTPResponse

from aimlib.api.source import Verified
from aimlib.caching.volume_index import VolumeFile
from aimlib.printable import printable
from aimlib.schema.error_messages import validation_messages
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import FileResponse

MAX_QUOTED = 500
"""Most characters of a server's own message that an error quotes."""
COMMIT_LENGTH = 40
MAX_LENGTH_DIGITS = 18
"""Most digits of a length; no file has more bytes."""


class Listing(NamedTuple):
    """A commit and its files."""

    commit: str
    files: tuple[VolumeFile, ...]


class Body(Protocol):
    """The bytes of a file, as they arrive."""

    def read1(self, amt: int, /) -> bytes: ...
    def close(self) -> None: ...
    def shutdown(self) -> None: ...


class OpenedFile(NamedTuple):
    """A file that is being read."""

    body: Body
    skipped: int = 0
    """Bytes at the beginning of the body that were not requested."""


class Reader(ABC):
    """One model at one source."""

    model: str
    """What it is called in messages."""
    place: str
    """Where it is, in messages."""
    resolved: str | None = None
    """What a tag named when the files were listed, where that is more than the commit."""
    identities: frozenset[str] = frozenset()
    """The hashes of the listing that are identities."""

    @abstractmethod
    def listing(self) -> Listing:
        """Lists the files, and the commit that the list is. DownloadError, or TransientError."""

    def top_listing(self) -> Listing:
        """The same of what is in the model's folder itself, where that is less work; else of all files."""
        return self.listing()

    def named_version(self) -> str:
        """The commit that is named now. Errors as of a listing."""
        return self.listing().commit

    def with_hashes(self, files: Sequence[VolumeFile]) -> tuple[VolumeFile, ...]:
        """The files with the hashes of their contents, where the source states them. Errors as of a listing."""
        return tuple(files)

    @abstractmethod
    def transfer(self, commit: str, file: VolumeFile, begin: int, end: int) -> OpenedFile:
        """Opens a file from a byte on; the end is not included. Errors as of a listing, and DownloadError (Changed)."""

    def close(self) -> None:  # noqa: B027 - a folder has none
        """Closes all connections."""

    @property
    def verified(self) -> Verified:
        """Against what the files that `with_hashes` returned are verified."""
        return "FirstRead" if self.identities else "SourceHashes"


def identity(*parts: object) -> str:
    """The identity of one version of a file at a source."""
    return hashlib.sha256(json.dumps(["identity", *parts]).encode()).hexdigest()


def listed_commit(files: Sequence[VolumeFile]) -> str:
    """The commit of a list of files at a source that has no commits of its own: a digest of it."""
    rows = sorted((file.path, file.size, file.hash) for file in files)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:COMMIT_LENGTH]


def listed_file(reader: Reader, path: object, size: object, digest: object) -> VolumeFile:
    """A file of a listing. DownloadError where it cannot be verified, or its path is not one below the snapshot."""
    try:
        return VolumeFile.model_validate({"path": path, "size": size, "hash": digest})
    except ValidationError as error:
        shown = printable(path, MAX_QUOTED) if isinstance(path, str) else "a file without a name"
        raise DownloadError(
            "Corrupt",
            f"{reader.place} lists {shown!r} in {reader.model}, which cannot be verified: "
            f"{printable(validation_messages(error)[0], MAX_QUOTED)}",
        ) from error


def check_paths(reader: Reader, paths: Sequence[str]) -> None:
    """DownloadError where a path is listed twice, or is also the folder of another one."""
    folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    wrong = [path for path, count in Counter(paths).items() if count > 1 or path in folders]
    if wrong:
        raise DownloadError(
            "Corrupt", f"{reader.place} lists {wrong[0]!r} in {reader.model} twice, or as file and folder"
        )


def byte_range(begin: int, end: int, size: int) -> str | None:
    """The header Range of a request for a part of a file; None for all of it."""
    return f"bytes={begin}-{end - 1}" if begin or end < size else None


def opened_response(reply: FileResponse, file: VolumeFile, begin: int, end: int) -> OpenedFile:
    """The file in a response with status 200 or 206. TransientError where it has other bytes than were requested.

    A range without Content-Range is one, as proxies send it, where its length is that of what was requested.
    """
    response, length = reply.response, _stated_length(reply.response)
    check_page(reply, file.path)
    if response.status == HTTPStatus.OK:
        if length not in {None, file.size}:
            raise TransientError(f"{reply.url.site} sent {length} bytes instead of the {file.size} of {file.path}")
        return OpenedFile(response, begin)
    found = response.headers.get("Content-Range", "")
    if not found.startswith(f"bytes {begin}-") and (found or length != end - begin):
        got = printable(found, MAX_QUOTED) or "no Content-Range"
        raise TransientError(f"requested {file.path} from byte {begin} on, got {got}")
    return OpenedFile(response)


def _stated_length(response: BaseHTTPResponse) -> int | None:
    """The bytes of a body as its headers have them; None where they do not, or it is compressed."""
    stated = response.headers.get("Content-Length", "")
    compressed = response.headers.get("Content-Encoding", "identity") != "identity"
    return None if compressed or not stated.isdecimal() or len(stated) > MAX_LENGTH_DIGITS else int(stated)


def check_page(reply: FileResponse, requested: str) -> None:
    """TransientError where a page for people comes with a status of success, as proxies and sign-ins send it."""
    kind = reply.response.headers.get("Content-Type", "").lower()
    if kind.startswith("text/html") and not requested.lower().endswith((".html", ".htm")):
        raise TransientError(
            f"{reply.url.site} sent a web page instead of {requested}: a proxy or a sign-in page answers in its place"
        )
