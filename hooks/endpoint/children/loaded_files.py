"""What pods load instead of a repository of the hub, or beside it."""

from typing import NamedTuple

from aimlib.api.source import SourceAccess


class Download(NamedTuple):
    """What a cache of the endpoint's own downloads."""

    source: str
    access: SourceAccess | None


class MountedImage(NamedTuple):
    """The image of a model, which pods mount."""

    reference: str
    """With its digest; empty while that is not known."""
    folder: str


class LoadedAdapter(NamedTuple):
    """An adapter that the engine is started with."""

    name: str
    repository: str
    revision: str
    """As the cache lists it."""
    commit: str

    def folder(self, mount_path: str) -> str:
        """Its files in a cache that is mounted there, as huggingface_hub lays them out."""
        repository = self.repository.replace("/", "--")
        return f"{mount_path.rstrip('/')}/hub/models--{repository}/snapshots/{self.commit}"
