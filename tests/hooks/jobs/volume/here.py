"""Downloads in this process, onto a volume in a folder, and all that they say."""

from pathlib import Path

from hooks.jobs.volume.download import DownloadContext, download_model
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.report import Reporter
from hooks.jobs.volume.request import DownloadRequest
from hooks.jobs.volume.retry import RetryPolicy
from tests.hub import Hub

MODEL = "acme/some-model"
FILES = {
    "config.json": b'{"model_type": "some"}',
    "model-00001-of-00002.safetensors": 3_000_000,
    "model-00002-of-00002.safetensors": 1_500_000,
    "original/consolidated.00.bin": 700_000,
    "deep/er/tokenizer.json": 20_000,
    "deep/er/the-same.json": b'{"model_type": "some"}',
    "empty.bin": b"",
}
V1 = {"config.json": b"{}", "model.safetensors": b"v1"}
"""The files of the revision v1."""
KEPT = sum(size if isinstance(size, int) else len(size) for size in FILES.values()) - 700_000 - 22
"""Bytes of what is downloaded unless patterns say otherwise; equal contents count once."""
QUICK = RetryPolicy(attempts=3, first_pause=0.01, max_pause=0.02, max_retry_after=0.05)


class RecordingReporter(Reporter):
    """Keeps all reports."""

    def __init__(self):
        self.reports = []

    def progress(self, report):
        self.reports.append(report)

    def end(self, _, report):
        self.reports.append(report)


class Here:
    """A volume, and what downloads to it said."""

    def __init__(self, root: Path, hub: Hub) -> None:
        self.hub = hub
        self.model = hub.add(MODEL, FILES, revisions={"v1": V1})
        self.volume = MountedVolume(root)
        self.root = root
        self.repo = self.volume.repo(MODEL)
        self.said: list[str] = []
        self.reporter = RecordingReporter()

    def request(self, **changes):
        return DownloadRequest(**{"root": self.root, "model": MODEL, **changes})

    def download(self, make_room=lambda _: None, retry_policy=QUICK, **changes):
        """The model's entry in the index."""
        return download_model(
            self.request(**changes), DownloadContext(self.reporter, self.said.append, make_room, retry_policy)
        )

    def files(self, commit):
        """What engines open, by path."""
        folder = self.repo.snapshot(commit)
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def expected(self):
        """The files of `main` that are downloaded, by path."""
        return {path: file.data() for path, file in self.model.files.items() if not path.startswith("original/")}

    def blobs(self):
        """Sizes by name."""
        return {path.name: path.stat().st_size for path in self.repo.blobs.iterdir()}
