"""What can be wrong with what is on a volume: its index, its files, and what something else has left there."""

import json

import pytest

from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from tests.hooks.cli.commandline import aim
from tests.hooks.jobs.volume.downloads import MODEL, WEIGHTS

INDEXES = {
    "cut off": lambda text: text[: len(text) // 2],
    "empty": lambda _: "",
    "no text": lambda text: text + "\udcff",
    "another text": lambda _: '"index"',
    "an older version": lambda text: json.dumps(json.loads(text) | {"version": 0}),
    "without version": lambda text: json.dumps({"models": json.loads(text)["models"]}),
    "another form": lambda text: json.dumps(json.loads(text) | {"models": []}),
}


@pytest.mark.parametrize("case", INDEXES)
def test_an_unreadable_index_is_rebuilt_from_the_volume(hub, mount, model, case):
    other = hub.add("acme/other", {"config.json": b"{}", "model.safetensors": 10_000})
    mount.fill(MODEL)
    mount.fill(other.id)
    mount.index.write_bytes(INDEXES[case](mount.index.read_text()).encode(errors="surrogateescape"))
    assert "cannot be read" in "\n".join(mount.fill(MODEL))
    assert mount.holds(model)
    assert mount.holds(other)
    assert hub.sent() == model.total + other.total


def test_an_index_that_cannot_be_read_hides_no_damage(hub, mount, model):
    mount.fill(MODEL)
    mount.index.write_text("{")
    blob = mount.root / "hub" / "models--acme--some-model" / "blobs" / model.files[WEIGHTS].etag
    damaged = bytearray(blob.read_bytes())
    damaged[12_345] ^= 1
    blob.write_bytes(damaged)
    mount.fill(MODEL)
    assert mount.holds(model)
    assert hub.sent() == model.total + blob.stat().st_size


def test_an_index_of_a_newer_version_is_left_alone(hub, mount, model):
    mount.fill(MODEL)
    newer = json.dumps(json.loads(mount.index.read_text()) | {"version": 99})
    mount.index.write_text(newer)
    done = aim("cache", "download", mount.root, "--model", MODEL)
    assert done.exit_code == DOWNLOAD_OUTCOMES["VolumeRefused"].code
    assert "was written by a later release and is not changed" in done.stderr
    assert "version 99" in done.stderr
    assert mount.index.read_text() == newer
    assert hub.sent() == model.total


@pytest.mark.parametrize("case", ["shorter", "longer", "gone", "a link gone", "the reference gone"])
def test_damage_on_the_volume_is_repaired(hub, mount, model, case):
    mount.fill(MODEL)
    repo = mount.root / "hub" / "models--acme--some-model"
    blob = repo / "blobs" / model.files[WEIGHTS].etag
    damage = {
        "shorter": lambda: blob.write_bytes(blob.read_bytes()[:-1]),
        "longer": lambda: blob.write_bytes(blob.read_bytes() + b"."),
        "gone": blob.unlink,
        "a link gone": (repo / "snapshots" / model.commit / WEIGHTS).unlink,
        "the reference gone": (repo / "refs" / "main").unlink,
    }
    damage[case]()
    mount.fill(MODEL)
    assert mount.holds(model)
    assert hub.sent() - model.total == (0 if "gone" in case and case != "gone" else model.files[WEIGHTS].size)


def test_a_damaged_file_is_found_by_reading_and_repaired_as_the_message_advises(hub, mount, model):
    mount.fill(MODEL)
    blobs = mount.root / "hub" / "models--acme--some-model" / "blobs"
    blob = blobs / model.files[WEIGHTS].etag
    damaged = bytearray(blob.read_bytes())
    damaged[-1] ^= 1
    blob.write_bytes(damaged)
    found = aim("cache", "verify", mount.root)
    assert found.exit_code == 3
    assert f"{WEIGHTS} is damaged: its blob does not have the hash {blob.name}" in found.stdout
    assert f"delete the damaged files from {blobs}; the next download or import restores them" in found.stdout
    blob.unlink()
    mount.fill(MODEL)
    assert mount.holds(model)
    assert aim("cache", "verify", mount.root).exit_code == 0
    assert hub.sent() == model.total + model.files[WEIGHTS].size


@pytest.mark.parametrize("content", [b"", b"nothing of the model", 2_999_999, 3_000_000, 3_000_001])
def test_what_was_left_by_something_else_is_noticed(mount, model, content):
    blobs = mount.root / "hub" / "models--acme--some-model" / "blobs"
    blobs.mkdir(parents=True)
    part = blobs / f"{model.files[WEIGHTS].etag}.incomplete"
    part.write_bytes(content if isinstance(content, bytes) else b"." * content)
    mount.fill(MODEL)
    assert mount.holds(model)
    assert list(blobs.glob("*.incomplete")) == []
