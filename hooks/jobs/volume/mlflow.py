"""The reader of a model in MLflow's registry: an alias is resolved once, and the version is read where its files are.

The server passes them on (`mlflow-artifacts:`), or they are in a bucket, whose keys are another matter than those of
the server.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from aimlib.api.formats import MODEL_SOURCE
from aimlib.api.source import ModelSource, parse_source
from aimlib.caching.volume_index import VolumeFile
from aimlib.printable import printable
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.mlflow_artifacts import ArtifactReader
from hooks.jobs.volume.mlflow_layout import as_engines_load
from hooks.jobs.volume.mlflow_server import TrackingServer
from hooks.jobs.volume.reader import Listing, OpenedFile, Reader, check_paths
from hooks.jobs.volume.s3 import S3Reader

REFERENCE = re.compile(r"(?P<kind>runs|models):/(?P<id>[A-Za-z0-9-]{1,128})(?:/(?P<path>[^?#]*))?")
"""What a version names instead of a place: files of a run, or a logged model (source: MLflow's artifact URIs)."""
PROXIED = re.compile(r"mlflow-artifacts:(?://(?P<host>[^/]*))?/(?P<path>[^?#]*)")
MOST_REFERENCES = 3
MAX_URI = 200


class BucketAccess(NamedTuple):
    """Where the bucket of a version is."""

    endpoint: str | None
    region: str


class MlflowReader(Reader):
    """A version of a registered model. DownloadError where the server's address or the credentials cannot be used."""

    def __init__(self, source: ModelSource, endpoint: str | None, bucket: BucketAccess, connections: int = 1) -> None:
        self.name, self.alias, self.version = source.name, source.revision, source.path
        self.model = f"mlflow://{source.name}{f'@{self.alias}' if self.alias else f'/{self.version}'}"
        self.server = TrackingServer(endpoint, self.model, connections)
        self.place, self.bucket, self.connections = self.server.place, bucket, connections
        self.files: Reader | None = None
        self.stored: dict[str, str] = {}
        """Where a file is at its source, by where engines expect it."""

    def close(self) -> None:
        self.server.client.close()
        if self.files:
            self.files.close()

    def listing(self) -> Listing:
        if self.files:
            self.files.close()
        self.files = self._at(self._artifacts())
        listed = self.files.listing()
        self.stored = as_engines_load([file.path for file in listed.files])
        by_path = {file.path: file for file in listed.files}
        files = tuple(by_path[stored].model_copy(update={"path": path}) for path, stored in self.stored.items())
        check_paths(self, [file.path for file in files])
        self.identities, self.resolved = self.files.identities, self.version
        return Listing(listed.commit, files)

    def with_hashes(self, files: Sequence[VolumeFile]) -> tuple[VolumeFile, ...]:
        reader = self._reader()
        found = reader.with_hashes([file.model_copy(update={"path": self.stored[file.path]}) for file in files])
        self.identities = reader.identities
        return tuple(one.model_copy(update={"path": file.path}) for one, file in zip(found, files, strict=True))

    def transfer(self, commit: str, file: VolumeFile, begin: int, end: int) -> OpenedFile:
        stored = file.model_copy(update={"path": self.stored[file.path]})
        return self._reader().transfer(commit, stored, begin, end)

    def _reader(self) -> Reader:
        if self.files is None:
            raise TransientError(f"{self.model} is not listed yet")
        return self.files

    def _artifacts(self) -> str:
        """Resolves the alias, and returns the URI of the version's files. DownloadError, or TransientError."""
        query = {"name": self.name}
        if self.alias:
            found = self.server.json("mlflow/registered-models/alias", {**query, "alias": self.alias})
        else:
            found = self.server.json("mlflow/model-versions/get", {**query, "version": self.version})
        version = found.get("model_version")
        fields = version if isinstance(version, dict) else {}
        number = fields.get("version")
        if not re.fullmatch(r"[1-9][0-9]{0,9}", str(number)):
            raise self.server.implausible()
        self.version, status = str(number), fields.get("status", "READY")
        if status != "READY":
            shown = printable(str(status), 64)
            raise TransientError(f"version {number} of {self.name} at {self.place} is not ready: {shown}")
        where = self.server.json("mlflow/model-versions/get-download-uri", {**query, "version": self.version})
        return self._resolved(where.get("artifact_uri"))

    def _resolved(self, uri: object) -> str:
        """The URI of files that a reference to a run or a logged model stands for."""
        for _ in range(MOST_REFERENCES):
            found = REFERENCE.fullmatch(uri) if isinstance(uri, str) else None
            if found is None:
                break
            if found["kind"] == "runs":
                parent = self.server.json("mlflow/runs/get", {"run_id": found["id"]}).get("run")
            else:
                parent = self.server.json(f"mlflow/logged-models/{found['id']}", {}).get("model")
            info = parent.get("info") if isinstance(parent, dict) else None
            base = info.get("artifact_uri") if isinstance(info, dict) else None
            uri = f"{base}/{found['path']}".rstrip("/") if isinstance(base, str) and found["path"] else base
        if not isinstance(uri, str):
            raise self.server.implausible()
        return uri

    def _at(self, uri: str) -> Reader:
        """The reader of a place. DownloadError (NotFound) where there is none."""
        proxied, hub = PROXIED.fullmatch(uri), self.server.client.hub
        if proxied and proxied["host"] in {None, "", hub.host, f"{hub.host}:{hub.port}"}:
            return ArtifactReader(self.server, proxied["path"])
        is_source = MODEL_SOURCE.matches(uri)
        if is_source and uri.startswith("s3://"):
            return S3Reader(parse_source(uri), self.bucket.endpoint, self.bucket.region, self.connections)
        raise DownloadError(
            "NotFound",
            f"version {self.version} of {self.name} at {self.place} is at {printable(uri, MAX_URI)}, which is not "
            "read: mlflow-artifacts: (MLflow with --serve-artifacts) and s3:// are",
        )
