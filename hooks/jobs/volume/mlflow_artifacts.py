"""The reader of files that an MLflow server passes on from wherever it stores them (`mlflow-artifacts:`).

It states sizes and no hashes. Where it reads a folder of its own, the ETag of a file stays until the file changes;
where it reads a bucket, each response has another one, and every request costs it the whole file. So the smallest file
tells which it is: with stable ETags, ranges are requested; without, files are requested whole, and what was received
before is compared with what is sent again.
"""

from collections.abc import Sequence
from http import HTTPStatus

from aimlib.caching.volume_index import VolumeFile
from aimlib.errors import AimError
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import WITH_BODY, FileResponse
from hooks.jobs.volume.mlflow_server import TrackingServer
from hooks.jobs.volume.reader import (
    Listing,
    OpenedFile,
    Reader,
    byte_range,
    check_paths,
    identity,
    listed_commit,
    listed_file,
    opened_response,
)

ARTIFACTS = "mlflow-artifacts/artifacts"
MOST_FILES, MOST_FOLDERS = 20_000, 1000


class ArtifactReader(Reader):
    """A folder of files that a tracking server passes on."""

    def __init__(self, server: TrackingServer, root: str) -> None:
        self.server, self.root = server, root.strip("/")
        self.model, self.place = server.model, server.place
        self.etags: dict[str, str] = {}

    def listing(self) -> Listing:
        rows = self._rows()
        if not rows:
            raise DownloadError("NoFiles", f"{self.place} has no files of {self.model}")
        listed = [listed_file(self, path, size, identity(self.place, self.root, path, size)) for path, size in rows]
        self.etags = self._stable_etags(listed)
        files = tuple(
            one.model_copy(update={"hash": identity(one.hash, self.etags[one.path])}) if one.path in self.etags else one
            for one in listed
        )
        check_paths(self, [file.path for file in files])
        self.identities = frozenset(file.hash for file in files)
        return Listing(listed_commit(files), files)

    def _rows(self) -> list[tuple[str, object]]:
        """Paths and sizes of all files, folder by folder."""
        found: list[tuple[str, object]] = []
        folders = [""]
        for asked, folder in enumerate(folders):
            if asked >= MOST_FOLDERS or len(found) > MOST_FILES:
                raise DownloadError(
                    "NoFiles", f"{self.model} has more than {MOST_FILES} files or {MOST_FOLDERS} folders"
                )
            listed = self.server.json(ARTIFACTS, {"path": f"{self.root}/{folder}".rstrip("/")}).get("files", [])
            for one in listed if isinstance(listed, list) else [None]:
                row = one if isinstance(one, dict) else {}
                name = row.get("path")
                if not isinstance(name, str) or "/" in name or name in {"", ".", ".."}:
                    raise self.server.implausible()
                path = f"{folder}/{name}".lstrip("/")
                if row.get("is_dir") is True:
                    folders.append(path)
                else:
                    found.append((path, _size(row.get("file_size"))))
        return found

    def _stable_etags(self, files: Sequence[VolumeFile]) -> dict[str, str]:
        """The ETags of all files; none where they change by themselves."""
        smallest = min((file for file in files if file.size), key=lambda file: file.size, default=None)
        if smallest is None or not (first := self._etag(smallest.path)) or self._etag(smallest.path) != first:
            return {}
        return {file.path: self._etag(file.path) for file in files if file.size}

    def _etag(self, path: str) -> str:
        """The ETag of a file; empty where there is none for a range of it."""
        reply = self._get(path, "bytes=0-0")
        reply.response.close()
        if reply.response.status not in WITH_BODY:
            raise self._refusal(reply, path)
        return reply.response.headers.get("ETag", "") if reply.response.status == HTTPStatus.PARTIAL_CONTENT else ""

    def _get(self, path: str, bytes_range: str | None) -> FileResponse:
        return self.server.client.get(self.server.url(f"{ARTIFACTS}/{self.root}/{path}"), bytes_range)

    def transfer(self, commit: str, file: VolumeFile, begin: int, end: int) -> OpenedFile:  # noqa: ARG002 - no commits here
        etag = self.etags.get(file.path)
        reply = self._get(file.path, byte_range(begin, end, file.size) if etag else None)
        try:
            if reply.response.status not in WITH_BODY:
                raise self._refusal(reply, file.path)
            if etag and reply.response.headers.get("ETag") != etag:
                raise changed(self, file)
            return opened_response(reply, file, begin, end)
        except AimError:
            reply.response.close()
            raise

    def _refusal(self, reply: FileResponse, path: str) -> DownloadError | TransientError:
        if reply.response.status == HTTPStatus.NOT_FOUND:  # it has just been listed
            return DownloadError("Changed", f"{path} of {self.model} at {self.place} was removed: it is listed anew")
        return self.server.refusal(reply)


def changed(reader: Reader, file: VolumeFile) -> DownloadError:
    """The error of a file that was replaced."""
    return DownloadError(
        "Changed",
        f"{file.path} of {reader.model} at {reader.place} was replaced during the download: it is listed anew",
    )


def _size(found: object) -> object:
    """A size, which JSON of 64-bit numbers may have as text."""
    return int(found) if isinstance(found, str) and found.isdecimal() and len(found) < 20 else found
