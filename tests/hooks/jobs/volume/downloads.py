"""`aim cache download` as a process, as the Jobs of a cache run it, and what it leaves on the volume."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import snapshot_download

from aimlib.caching import volume_index
from hooks.jobs.volume.download import DownloadContext, download_model
from hooks.jobs.volume.report import ConsoleReporter
from hooks.jobs.volume.request import DownloadRequest
from tests.hub import Hub
from tests.hub.repository import Repository
from tests.kustomize import ROOT

MODEL = "acme/some-model"
WEIGHTS = "model-00001-of-00002.safetensors"
FILES = {
    "config.json": b'{"model_type": "some"}',
    "tokenizer.json": 50_000,
    WEIGHTS: 3_000_000,
    "model-00002-of-00002.safetensors": 2_000_000,
}
SECONDS = 120
"""More than any of them takes."""
KEPT = ("PATH", "PYTHONPATH", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class Ended(NamedTuple):
    """How a download ended."""

    code: int
    output: str
    """Of both streams."""
    message: str
    """The termination message, which Kubernetes shows."""


class Mount:
    """A volume for downloads from one hub, in a folder of its own."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        self.folder, self.hub = folder, hub
        self.root = folder / "volume"
        self.root.mkdir()
        self.view = self.root
        self.termination = folder / "termination"

    @property
    def environment(self) -> dict[str, str]:
        """That of a Job's pod: nothing of the machine but what finds the programs."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        places = {"HOME": str(home), "TMPDIR": str(home), "AIM_TERMINATION_LOG": str(self.termination)}
        return {**kept, **places, "HF_ENDPOINT": self.hub.url, "HF_HUB_DISABLE_TELEMETRY": "1"}

    def command(self, model: str, *words: str) -> list[str]:
        return [sys.executable, "-m", "hooks.cli.main", "cache", "download", str(self.root), "--model", model, *words]

    def begin(self, model: str, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """A download that runs."""
        self.termination.unlink(missing_ok=True)
        return subprocess.Popen(
            self.command(model, *words),
            cwd=ROOT,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self, process: "subprocess.Popen[str]") -> Ended:
        """Wait for it; TimeoutExpired, and it is killed, when it takes too long."""
        try:
            output, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        message = self.termination.read_text() if self.termination.exists() else ""
        return Ended(process.returncode, output, message)

    def download(self, model: str, *words: str, **environment: str) -> Ended:
        """A download from its begin to its end."""
        return self.end(self.begin(model, *words, **environment))

    def fill(self, model: str, revision: str = "main") -> list[str]:
        """The same in this process, where HF_ENDPOINT has to be the hub's: what it said. DownloadError."""
        said: list[str] = []
        download_model(
            DownloadRequest(self.root, model, revision), DownloadContext(ConsoleReporter(said.append), said.append)
        )
        return said

    def killed(self, count: int, model: str, *words: str) -> None:
        """A download that is killed once the hub has sent so many bytes, before it sends another one."""
        process = self.begin(model, *words)

        def kill() -> None:
            process.kill()
            process.wait()

        self.hub.when_sent(count, kill)
        ended = self.end(process)
        if ended.code != -signal.SIGKILL:
            raise AssertionError(f"it ended by itself: {ended}")
        self.hub.settle()

    @property
    def index(self) -> Path:
        return self.view / ".aim" / "index.json"

    @property
    def ready(self) -> dict[str, str]:
        """The commits of the models that are said to be complete, by `ID@REVISION`."""
        if not self.index.exists():
            return {}
        found = volume_index.parse_index(self.index.read_text()).models.values()
        return {f"{one.id}@{one.revision}": one.commit for one in found}

    def offline(self, model: str, revision: str = "main") -> dict[str, bytes]:
        """The files that an engine finds, by path."""
        folder = snapshot_download(model, revision=revision, cache_dir=self.view / "hub", local_files_only=True)
        return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}

    def holds(self, model: Repository, revision: str = "main") -> bool:
        """Whether the model is said to be ready, and each byte of it is right."""
        commit = model.revisions[revision]
        files = {path: file.data() for path, file in model.commits[commit].items()}
        return self.ready.get(f"{model.id}@{revision}") == commit and self.offline(model.id, revision) == files

    def blobs(self, model: str) -> dict[str, int]:
        """Sizes of what lies in the folder of blobs, by name."""
        folder = self.view / "hub" / f"models--{model.replace('/', '--')}" / "blobs"
        return {path.name: path.stat().st_size for path in folder.iterdir()} if folder.exists() else {}
