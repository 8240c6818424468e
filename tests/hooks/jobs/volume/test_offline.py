"""Offline: what is on the volume is verified, whoever has put it there, and nobody is asked."""

import errno
import json
import os

import pytest
from huggingface_hub import _tree_cache, snapshot_download

from hooks.jobs.volume import download as module
from hooks.jobs.volume import index
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import MountedVolume
from tests.hooks.jobs.volume.here import FILES, KEPT, MODEL

WEIGHTS = "model-00001-of-00002.safetensors"
SHARDS = {
    "model.safetensors.index.json": json.dumps({"weight_map": {"a": WEIGHTS, "b": "model-00002-of-00002.safetensors"}})
}


@pytest.fixture
def filled(here):
    """A volume that huggingface_hub has filled, and a hub that nobody shall ask."""
    files = {**FILES, **{path: text.encode() for path, text in SHARDS.items()}}
    here.model = here.hub.add(MODEL, files)
    snapshot_download(MODEL, cache_dir=here.volume.hub, endpoint=here.hub.url, token=False)
    here.hub.requests.clear()
    here.hub.stop()
    yield here
    here.hub.start()


def refused(here, **changes):
    with pytest.raises(DownloadError) as error:
        here.download(offline=True, **changes)
    return error.value


def test_a_model_on_the_volume_is_verified_and_indexed(filled):
    found = filled.download(offline=True)
    assert found.commit == filled.model.commit
    assert {one.path for one in found.files} == {path for path in filled.model.files if "original" not in path}
    assert index.load_index(filled.root, filled.said.append).models == {found.key: found}
    assert {report.state for report in filled.reporter.reports} == {"Verifying"}
    last = filled.reporter.reports[-1]
    assert last.done == last.total == sum(one.size for one in found.files)


def test_an_indexed_model_is_not_read_again(filled):
    first = filled.download(offline=True)
    filled.reporter.reports.clear()
    assert filled.download(offline=True) == first
    assert filled.reporter.reports == []


def test_the_variable_of_huggingface_hub_means_the_same(filled, monkeypatch):
    monkeypatch.setattr(module.constants, "HF_HUB_OFFLINE", True)
    assert filled.download().commit == filled.model.commit


def test_a_commit_is_a_revision(filled):
    assert filled.download(offline=True, revision=filled.model.commit).revision == filled.model.commit


def test_a_volume_that_is_read_only(filled, monkeypatch):
    def refuse(_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(MountedVolume, "prepare", refuse)
    assert filled.download(offline=True).commit == filled.model.commit
    assert filled.said == [f"the volume at {filled.root} is read-only: its index is not updated"]
    assert not filled.volume.index_file.exists()


def test_a_volume_that_fails(filled, monkeypatch):
    def refuse(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(MountedVolume, "prepare", refuse)
    assert refused(filled).reason == "VolumeRefused"


def test_a_model_that_is_not_there(filled):
    error = refused(filled, model="acme/none")
    assert error.reason == "NotOnVolume"
    assert f"acme/none@main is not on the volume at {filled.root}, and offline nothing is downloaded" in error.message


@pytest.mark.parametrize("text", ["not a commit", ""])
def test_a_revision_that_is_no_commit(filled, text):
    filled.repo.ref("main").write_text(text)
    assert refused(filled).reason == "NotOnVolume"


def test_a_revision_that_is_a_folder(filled):
    filled.repo.ref("some/branch").mkdir(parents=True)
    assert refused(filled, revision="some").reason == "NotOnVolume"
    assert refused(filled, revision="main/branch").reason == "NotOnVolume"


def test_a_commit_that_is_not_there(filled):
    error = refused(filled, revision="0" * 40)
    assert error.reason == "NotOnVolume"
    assert f"there is no {filled.repo.snapshot('0' * 40)}" in error.message


def test_patterns_that_choose_nothing(filled):
    error = refused(filled, include=("*.gguf",))
    assert error.reason == "NotOnVolume"
    assert "include *.gguf" in error.message


def test_a_file_that_the_list_of_files_names_is_missed(filled):
    (filled.repo.snapshot(filled.model.commit) / "config.json").unlink()
    error = refused(filled)
    assert error.reason == "NotOnVolume"
    assert "config.json" in error.message


def _forget_the_list(filled, monkeypatch):
    """As older releases of huggingface_hub leave a cache; this one remembers lists within a process."""
    filled.repo.tree(filled.model.commit).unlink()
    monkeypatch.setattr(_tree_cache, "_IN_MEMORY_TREE_CACHE", {})


def test_a_file_that_the_index_of_the_shards_names_is_missed(filled, monkeypatch):
    _forget_the_list(filled, monkeypatch)
    (filled.repo.snapshot(filled.model.commit) / WEIGHTS).unlink()
    error = refused(filled)
    assert (error.reason, error.message) == (
        "NotOnVolume",
        f"{MODEL}@main is incomplete on the volume: {WEIGHTS} is missing",
    )


def test_damage_is_found_and_named(filled):
    for path in ("config.json", WEIGHTS, "deep/er/tokenizer.json"):
        blob = filled.repo.blobs / filled.model.files[path].etag
        blob.write_bytes(b"x" + blob.read_bytes()[1:])
    error = refused(filled)
    assert error.reason == "NotOnVolume"
    etag = filled.model.files["config.json"].etag
    assert f"config.json is damaged: its blob does not have the hash {etag}" in error.message
    assert error.message.endswith(", and 1 more")
    assert filled.blobs().keys() >= {etag}


def test_a_blob_that_is_gone(filled, monkeypatch):
    _forget_the_list(filled, monkeypatch)
    etag = filled.model.files[WEIGHTS].etag
    (filled.repo.blobs / etag).unlink()
    assert f"{WEIGHTS} is missing: its blob {etag} does not exist" in refused(filled).message


def test_a_file_that_is_no_link_cannot_be_verified(filled):
    (filled.repo.snapshot(filled.model.commit) / "notes.txt").write_text("mine")
    assert "notes.txt cannot be verified" in refused(filled).message
    assert filled.download(offline=True, exclude=("notes.txt", "original/*")).bytes > KEPT
