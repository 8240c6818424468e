"""What is read from a volume where something else is in its place, function by function."""

import json
import os
import threading
from types import SimpleNamespace

import pytest

from hooks.jobs.volume import hashes, snapshot, verify
from hooks.jobs.volume.folder_handles import WrongKindError, wrong_kind
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.volume_files import VolumeFiles

MODEL = "acme/some-model"
INDEX = SimpleNamespace(path="model.safetensors.index.json", hash="a" * 64, size=1)


@pytest.fixture
def repo(tmp_path):
    found = MountedVolume(tmp_path).repo(MODEL)
    found.blobs.mkdir(parents=True)
    return found


def test_the_root_is_no_file(tmp_path):
    with pytest.raises(WrongKindError, match="the root in place of a file"):
        VolumeFiles(tmp_path).read_file(tmp_path, 10)


def test_an_error_about_what_has_the_right_kind_stays_with_the_whole_path(tmp_path):
    (tmp_path / "folder").mkdir()
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        found = wrong_kind(tmp_path / "folder", folder, "a folder", PermissionError(13, "Permission denied"))
    finally:
        os.close(folder)
    assert not isinstance(found, WrongKindError)
    assert (found.errno, found.filename) == (13, str(tmp_path / "folder"))


def test_a_list_of_files_of_another_version_lists_none(repo):
    tree = repo.tree("c" * 40)
    tree.parent.mkdir(parents=True)
    tree.write_text(json.dumps({"format_version": snapshot.TREE_VERSION + 1, "files": {"config.json": {}}}))
    assert [*snapshot._listed(repo, "c" * 40)] == []


def test_a_blob_that_is_a_folder_is_missing(repo):
    (repo.blobs / INDEX.hash).mkdir()
    found = verify._damage(repo, INDEX, threading.Event(), lambda _: None)
    assert found == f"{INDEX.path} is missing: its blob {INDEX.hash} is a folder in place of a file"


def test_a_blob_that_vanishes_while_it_is_read_is_missing(repo, monkeypatch):
    def vanished(*_):
        raise FileNotFoundError

    monkeypatch.setattr(hashes, "matches_hash", vanished)
    found = verify._damage(repo, INDEX, threading.Event(), lambda _: None)
    assert found == f"{INDEX.path} is missing: its blob {INDEX.hash} does not exist"


@pytest.mark.parametrize("text", ["[]", "no JSON", '{"weight_map": []}', "[" * 100_000])
def test_an_index_of_shards_that_is_none_is_named(repo, text):
    (repo.blobs / INDEX.hash).write_text(text)
    assert verify.missing_shards(repo, "c" * 40, [INDEX]) == (f"{INDEX.path} is not an index of shards",)


def test_an_index_of_more_shards_or_bytes_than_a_model_has_is_none(repo, monkeypatch):
    (repo.blobs / INDEX.hash).write_text(json.dumps({"weight_map": {str(one): str(one) for one in range(2049)}}))
    assert verify.missing_shards(repo, "c" * 40, [INDEX]) == (f"{INDEX.path} is not an index of shards",)
    large = SimpleNamespace(path=INDEX.path, hash=INDEX.hash, size=(32 << 20) + 1)
    monkeypatch.setattr(VolumeFiles, "read_file", None)  # is not called
    assert verify.missing_shards(repo, "c" * 40, [large]) == (f"{INDEX.path} is not an index of shards",)
