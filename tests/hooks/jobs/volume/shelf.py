"""Models laid out on a volume as a download leaves them, and an AIMCache that knows who uses them."""

import os
from datetime import timedelta
from pathlib import Path

from aimlib.api import API_VERSION
from aimlib.caching import job_reports
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.caching.volume_index import CachedModel, VolumeFile
from aimlib.kube.timestamp import format_timestamp
from hooks.jobs.volume import clock, hashes, index
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.request import DownloadRequest
from hooks.jobs.volume.snapshot import publish_snapshot
from hooks.kube_client import ApiServerError

LARGE = "model.safetensors"


def quiet(sentence):
    """Nobody listens."""


def ago(days):
    """So many days before now, as it is written; None for None."""
    return None if days is None else format_timestamp(clock.now() - timedelta(days=days))


def put(root, name, revision=DEFAULT_REVISION, commit="c", cached=None, **contents):
    """A model of a config.json and some weights, or of the files with these contents, downloaded so many days ago.

    The commit is one digit, 40 times.
    """
    volume = MountedVolume(root)
    volume.prepare()
    repo, commit = volume.repo(name), commit * 40
    repo.blobs.mkdir(parents=True, exist_ok=True)
    files = []
    for path, content in (contents or {"config.json": b"{}", LARGE: os.urandom(1 << 16)}).items():
        kind = hashes.new_hash("0" * (64 if path == LARGE else 40), len(content))
        kind.update(content)
        files.append(VolumeFile(path=path, size=len(content), hash=kind.hexdigest()))
        (repo.blobs / files[-1].hash).write_bytes(content)
    publish_snapshot(repo, DownloadRequest(Path(root), name, revision), commit, tuple(files), all_of_it=True)
    model = CachedModel(id=name, revision=revision, commit=commit, files=tuple(files), cached_at=ago(cached))
    index.update_index(root, lambda before: before.having(model), quiet)
    return model


def part(root, name, file="0" * 64 + ".incomplete", size=1000, hours=2):
    """What an interrupted download has left, so many hours ago."""
    volume = MountedVolume(root)
    volume.prepare()
    path = volume.repo(name).blobs / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    then = (clock.now() - timedelta(hours=hours)).timestamp()
    os.utime(path, (then, then))
    return path


def blob(root, model, path=LARGE):
    """The blob of a file."""
    return MountedVolume(root).repo(model.id).blobs / next(one.hash for one in model.files if one.path == path)


class Kubernetes:
    """An AIMCache with this clean-up and these models, and what is reported to it.

    Its status follows the reports at once, as the cache hook's does soon after.
    """

    cache = "models"

    def __init__(self, models=(), users=(), **cleanup):
        self.spec = {"models": [{"id": one} if isinstance(one, str) else one for one in models]}
        self.spec |= {"size": "1Ti", "cleanup": {"enabled": True, **cleanup}}
        self.users = dict(users)
        self.data = {}
        self.asked = 0
        self.broken = False

    @property
    def reports(self):
        return job_reports.read_reports(self.data)

    def knowing(self, *models):
        """Their reports, as their Jobs made them."""
        for one in models:
            self.data[one.key] = job_reports.report_text(one.report())
        return self

    def report(self, data):
        if self.broken:
            raise ApiServerError("the API server returned 503 Service Unavailable")
        self.data |= data

    def read_cache(self):
        if self.broken:
            raise ApiServerError("the API server returned 503 Service Unavailable")
        self.asked += 1
        rows = [
            {"id": one.id, "revision": one.revision, "status": one.state, "usedBy": self.users.get(one.id, [])}
            for one in self.reports.models.values()
        ]
        metadata = {"name": self.cache, "namespace": "default"}
        status = {"cachedModels": rows}
        return {
            "apiVersion": API_VERSION,
            "kind": "AIMCache",
            "metadata": metadata,
            "spec": self.spec,
            "status": status,
        }
