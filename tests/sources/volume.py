"""A volume that `aim cache download` fills from a source, as the Jobs of a cache run it, and is killed meanwhile."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml
from huggingface_hub import snapshot_download

from aimlib.api.described_model import ModelSpec
from aimlib.caching import volume_index
from tests.hooks.cli.test_model_commands import CONFIG
from tests.hooks.jobs.volume.downloads import KEPT, SECONDS
from tests.hooks.jobs.volume.test_inspection import safetensors
from tests.kustomize import ROOT

MODEL = "acme/chat"
MIB = 1 << 20
KILLS = 8
SEED = int(os.environ.get("AIM_SEED", random.SystemRandom().randrange(1_000_000)))
"""Of the moments of the kills; AIM_SEED repeats those of an earlier run."""


def files(size: int) -> dict[str, bytes]:
    """A model of three files with weights, of so many bytes each."""
    shards = {f"model-0000{place}-of-00003.safetensors": os.urandom(size) for place in (1, 2, 3)}
    return {"config.json": b"{}", **shards}


def small_model() -> dict[str, bytes]:
    """A model whose facts can be read."""
    return {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": safetensors((1024, 2048))}


class Volume(NamedTuple):
    """A volume in a folder, and what its downloads are told."""

    folder: Path
    options: Sequence[str]
    environment: Mapping[str, str] = {}

    @property
    def root(self) -> Path:
        return self.folder / "volume"

    def begin(self) -> "subprocess.Popen[str]":
        """A download that runs."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        words = ("cache", "download", str(self.root), f"--model={MODEL}", "--max-workers=2", *self.options)
        return subprocess.Popen(
            [sys.executable, "-m", "hooks.cli.main", *words],
            cwd=ROOT,
            env={**kept, **self.environment, "HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def newest(self) -> str:
        """What `aim cache check` prints of the source."""
        return self._printed("cache", "check", f"--model={MODEL}", *self.options).strip()

    @property
    def described(self) -> ModelSpec:
        """The AIMModel that `aim model inspect` prints of the source."""
        source, *server = (option.removeprefix("--source=") for option in self.options)
        printed = self._printed("model", "inspect", source, f"--as={MODEL}", *server)
        return ModelSpec.model_validate(yaml.safe_load(printed)["spec"])

    def _printed(self, *words: str) -> str:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-m", "hooks.cli.main", *words],
            cwd=ROOT,
            env={**kept, **self.environment, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def download(self) -> tuple[int, str]:
        """A download from its begin to its end: its code and output."""
        process = self.begin()
        try:
            output, _ = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
        return process.returncode, output

    def killed(self, received: int) -> None:
        """A download that is killed once so many bytes are on the volume."""
        process = self.begin()
        while process.poll() is None and self.received < received:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def killed_often(self, times: int) -> None:
        """Downloads that are killed at random moments, of which none loses what is there."""
        moments = random.Random(SEED)  # noqa: S311
        kept = 0
        for _ in range(times):
            self.killed(kept + moments.randrange(1, 8 * MIB))
            assert self.received >= kept, f"seed {SEED}: received bytes were lost"
            kept = self.received

    @property
    def received(self) -> int:
        """Bytes of blobs, complete or not."""
        total = 0
        for path in self.root.rglob("blobs/*"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue  # it has just been renamed
        return total

    @property
    def files(self) -> dict[str, bytes]:
        """What an engine finds."""
        found = snapshot_download(MODEL, cache_dir=self.root / "hub", local_files_only=True)
        return {str(one.relative_to(found)): one.read_bytes() for one in Path(found).rglob("*") if one.is_file()}

    @property
    def entry(self) -> volume_index.CachedModel:
        """What the index has of it."""
        [found] = volume_index.parse_index((self.root / ".aim" / "index.json").read_text()).models.values()
        return found
