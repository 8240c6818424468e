"""What a first read taught: the hashes of files whose source states none, by identity, on the volume.

Without them a download that was killed would read again what is complete. A hash counts only while there is a blob of
that name, so a wrong one costs a second read and no more.
"""

from pathlib import Path

from aimlib.caching.volume_index import HASH, VolumeFile
from hooks.jobs.volume.hashes import SHA256_LENGTH
from hooks.jobs.volume.layout import Repo


def _place(repo: Repo, identity: str) -> Path:
    return repo.path / "learned" / identity


def learn(repo: Repo, identity: str, found: str) -> None:
    """Stores the hash of a file's content."""
    repo.files.write_atomically(_place(repo, identity), found.encode())


def with_learned_hash(repo: Repo, file: VolumeFile) -> VolumeFile:
    """The file with the hash of its content, where that is known and there is a blob that has its size."""
    try:
        found = repo.files.read_file(_place(repo, file.hash), SHA256_LENGTH).decode("ascii", "replace")
        blob = repo.files.find(repo.blobs / found) if HASH.fullmatch(found) else None
    except OSError:
        return file
    whole = blob is not None and blob.is_file and blob.stat.st_size == file.size
    return file.model_copy(update={"hash": found}) if whole else file
