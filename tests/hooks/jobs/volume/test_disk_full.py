"""A volume that is too small, or that something else fills in the middle of a download: a real, small file system.

It is a tmpfs in a mount namespace of its own, which needs no privileges where the kernel lets users have namespaces.
"""

import subprocess
from pathlib import Path

import pytest

from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from tests.hooks.jobs.volume.downloads import Mount
from tests.hub import Fault

pytestmark = pytest.mark.slow

MODEL = "acme/some-model"
WEIGHTS = "model.safetensors"
FILES = {"config.json": b'{"model_type": "some"}', WEIGHTS: 6_000_000}
MIB = 1 << 20
SIZE = 8 * MIB


class Small(Mount):
    """A volume of `SIZE` bytes. Programs see it at `root`; from outside of the namespace it is seen at `view`."""

    def __init__(self, folder, hub):
        super().__init__(folder, hub)
        script = f'mount -t tmpfs -o size={SIZE} none "$0" && echo mounted && exec cat'
        self.keeper = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(self.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = self.keeper.stdout.readline().strip()
        self.view = Path(f"/proc/{self.keeper.pid}/root{self.root}")

    def command(self, model, *words):
        enter = ["nsenter", "--target", str(self.keeper.pid), "--user", "--mount", "--preserve-credentials"]
        return [*enter, f"--wd={Path.cwd()}", *super().command(model, *words)]

    def offline(self, model, revision="main"):
        repo = self.view / "hub" / f"models--{model.replace('/', '--')}"
        folder = repo / "snapshots" / (repo / "refs" / revision).read_text()
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def close(self):
        self.keeper.communicate()


@pytest.fixture
def mount(tmp_path, hub):
    made = Small(tmp_path, hub)
    try:
        if made.said != "mounted":
            pytest.skip(f"this kernel lets no user mount a file system of their own: {made.said}")
        yield made
    finally:
        made.close()


def failed_for_space(mount, ended, *words):
    assert ended.code == DOWNLOAD_OUTCOMES["NoSpace"].code, ended
    for word in words:
        assert word in ended.message, ended
    assert "Traceback" not in ended.output
    assert mount.ready == {}
    return True


def test_a_model_that_does_not_fit_is_refused_with_both_numbers_before_a_byte_comes(hub, mount):
    hub.add(MODEL, {**FILES, "more.safetensors": 4_000_000})
    ended = mount.download(MODEL)
    assert failed_for_space(mount, ended, "needs 9.6 MiB more", "MiB are free (10000022 and ", "make it larger")
    assert hub.sent() == 0


def test_a_volume_that_fills_up_meanwhile_is_reported_and_the_next_attempt_continues(hub, mount):
    model = hub.add(MODEL, FILES)
    hub.fault = Fault(rate=20_000_000)
    filler = mount.view / "filler"
    hub.when_sent(3_000_000, lambda: filler.write_bytes(bytes(4 * MIB)))
    ended = mount.download(MODEL)
    assert failed_for_space(mount, ended, f"the volume at {mount.root} is full", "make it larger, or keep fewer models")
    kept = mount.blobs(MODEL)[f"{model.files[WEIGHTS].etag}.incomplete"]
    assert 3_000_000 < kept < 4 * MIB
    sent = hub.sent()
    assert failed_for_space(mount, mount.download(MODEL), "more, and")
    filler.unlink()
    assert mount.download(MODEL).code == 0
    assert mount.holds(model)
    assert hub.sent() - sent <= model.total - kept
