"""The files of a folder of the user's own, as an inspection reads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.inspection import Inspected, ListedFiles, inspect_files


class FolderFiles:
    """One folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, str(folder)

    def listing(self) -> ListedFiles:
        """Lists the files in the folder itself; pipes and devices are none."""
        with _as_download_errors():
            found = sorted(path for path in self.folder.iterdir() if path.is_file())
            return ListedFiles(None, {path.name: path.stat().st_size for path in found})

    def read(self, version: str | None, path: str, offset: int, length: int) -> bytes:  # noqa: ARG002 - nothing is pinned
        """Some bytes of a file."""
        with _as_download_errors(), (self.folder / path).open("rb") as file:
            file.seek(offset)
            return file.read(length)


@contextmanager
def _as_download_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError("NotFound", f"{error.filename}: {error.strerror}") from error


def inspect_folder(folder: Path) -> Inspected:
    """What the files of a folder tell. DownloadError."""
    return inspect_files(FolderFiles(folder))
