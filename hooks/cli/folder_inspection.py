"""Reads what a model's files tell from a folder of the user's own."""

from pathlib import Path

from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.inspection import CONFIG, MAX_CONFIG, Inspected, Read, count_parameters, read_model_config


def inspect_folder(folder: Path) -> Inspected:
    """What the files of a folder tell. DownloadError."""
    try:
        config = read_model_config(_reader(folder / CONFIG)(0, MAX_CONFIG + 1), str(folder))
        files = sorted(folder.glob("*.safetensors"))
        parameters = sum(count_parameters(_reader(path), str(path)) for path in files)
        return Inspected(config, sum(path.stat().st_size for path in files), parameters)
    except OSError as error:
        raise DownloadError("NotFound", f"{error.filename}: {error.strerror}") from error


def _reader(path: Path) -> Read:
    def read(offset: int, length: int) -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    return read
