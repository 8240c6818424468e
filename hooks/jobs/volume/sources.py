"""The reader of each kind of source: the one place that knows them all."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from aimlib.api.source import ModelSource, parse_source
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.hub_url import HUGGING_FACE
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.folder import FolderReader
from hooks.jobs.volume.hub import HubClient
from hooks.jobs.volume.mlflow import BucketAccess, MlflowReader
from hooks.jobs.volume.reader import Reader
from hooks.jobs.volume.registry import RegistryReader
from hooks.jobs.volume.request import DownloadRequest
from hooks.jobs.volume.s3 import S3Reader


def open_reader(request: DownloadRequest) -> Reader:
    """The reader of a request's source. DownloadError where it cannot be used."""
    if request.source:
        source = parse_source(request.source)
        return SOURCE_READERS[source.kind](source, request)
    if request.folder:
        return _own_folder(request.folder)
    return _hub(ModelSource("hf", request.model, revision=request.revision), request)


def _own_folder(folder: Path) -> Reader:
    """A folder of this machine; of a snapshot in Hugging Face's cache, its links lead to the folder of the model."""
    model = folder.parent.parent
    root = model if folder.parent.name == "snapshots" and model.name.startswith("models--") else folder
    path = "" if root == folder else folder.relative_to(root).as_posix()
    return FolderReader(root, path, str(folder), refuses_links_out=True)


def _hub(source: ModelSource, request: DownloadRequest) -> Reader:
    endpoint = os.environ.get("HF_ENDPOINT") or HUGGING_FACE
    return HubClient(endpoint, source.name, source.revision or DEFAULT_REVISION, request.workers)


def _bucket(source: ModelSource, request: DownloadRequest) -> Reader:
    return S3Reader(source, request.endpoint, request.region, request.workers)


def _artifact(source: ModelSource, request: DownloadRequest) -> Reader:
    return RegistryReader(source, request.endpoint, request.workers)


def _registered(source: ModelSource, request: DownloadRequest) -> Reader:
    bucket = BucketAccess(request.artifact_endpoint, request.region)
    return MlflowReader(source, request.endpoint, bucket, request.workers)


def _claim(source: ModelSource, request: DownloadRequest) -> Reader:
    if request.folder is None:
        where = "--source-folder has to name the folder where it is mounted"
        raise DownloadError("NotFound", f"{request.source} is a claim: {where}")
    return FolderReader(request.folder, source.path, str(request.source))


SOURCE_READERS: Mapping[str, Callable[[ModelSource, DownloadRequest], Reader]] = {
    "hf": _hub,
    "s3": _bucket,
    "oci": _artifact,
    "mlflow": _registered,
    "pvc": _claim,
}
