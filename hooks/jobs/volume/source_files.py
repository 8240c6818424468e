"""The files at any source that downloads know, as an inspection reads them: sizes and headers, no weights."""

from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError

from hooks.jobs.volume.errors import TransientError
from hooks.jobs.volume.http_client import root_cause
from hooks.jobs.volume.hub_files import first_bytes
from hooks.jobs.volume.inspection import ListedFiles
from hooks.jobs.volume.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aimlib.caching.volume_index import VolumeFile


class SourceFiles:
    """One model at one source."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.name = reader, reader.model
        self.files: Mapping[str, VolumeFile] = {}

    def listing(self) -> ListedFiles:
        """Lists the files of the version that a branch, tag or alias names now."""
        found = self.reader.top_listing()
        self.files = {one.path: one for one in found.files}
        return ListedFiles(found.commit, {one.path: one.size for one in found.files})

    def read(self, version: str | None, path: str, offset: int, length: int) -> bytes:
        """Some bytes of a file; of a server that ignores ranges, the same."""
        file = self.files[path]
        end = min(offset + length, file.size)
        if offset >= end:
            return b""
        opened = self.reader.transfer(version or "", file, offset, end)
        try:
            chunks = first_bytes(opened.body, opened.skipped + end - offset, self.reader.place)
            return b"".join(chunks)[opened.skipped :]
        except HTTPError as error:
            raise TransientError(f"{self.reader.place} cannot be reached: {root_cause(error)}") from error
        finally:
            opened.body.close()
