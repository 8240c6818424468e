"""The index of a volume: written whole or not at all, and made anew where it is damaged."""

import errno
import json
import os
import threading

import pytest

from aimlib.caching import volume_index
from aimlib.caching.volume_index import CachedModel, InvalidIndexError, NewerIndexError, VolumeFile, VolumeIndex
from hooks.jobs.volume import index, volume_files
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.volume_files import VolumeFiles
from tests.hooks.jobs.volume.here import KEPT, MODEL

ONE = CachedModel(
    id="acme/one", revision="main", commit="0" * 40, files=(VolumeFile(path="a", size=5, hash="1" * 40),), patterns="p"
)


def changed(text, **changes):
    return json.dumps({**json.loads(text), **changes})


def test_it_is_read_as_it_was_written():
    made = VolumeIndex().having(ONE)
    assert volume_index.parse_index(volume_index.index_text(made)) == made
    assert made.models[ONE.key] == ONE
    assert made.without(ONE.key) == VolumeIndex()
    assert made.without("another") == made


def test_equal_contents_count_once():
    twice = ONE.model_copy(update={"files": (*ONE.files, VolumeFile(path="b", size=5, hash="1" * 40))})
    assert (twice.bytes, twice.report().files, twice.report().done) == (5, 2, 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is not JSON"),
        ('{"version": 1, "models": {', "it is not JSON"),
        ("[]", "it has no version"),
        ('{"version": "1"}', "it has no version"),
        ('{"version": 0}', "it has version 0, and this release writes 1"),
        ('{"version": 1, "models": 5}', "models: must be an object, found '5'"),
    ],
)
def test_texts_that_are_no_index(text, said):
    with pytest.raises(InvalidIndexError, match=said):
        volume_index.parse_index(text)


def test_a_later_version_is_recognized():
    with pytest.raises(NewerIndexError, match="it has version 2, and this release reads 1"):
        volume_index.parse_index('{"version": 2}')


def test_a_volume_without_an_index_has_nothing(here):
    assert index.load_index(here.root, here.said.append) == VolumeIndex()
    assert not here.root.exists()


def test_changes_are_stored(here):
    here.volume.prepare()
    index.update_index(here.root, lambda before: before.having(ONE), here.said.append)
    assert index.load_index(here.root, here.said.append).models == {ONE.key: ONE}
    assert index.remove_entry(here.root, ONE.key, here.said.append) == VolumeIndex()
    assert index.load_index(here.root, here.said.append) == VolumeIndex()
    assert here.said == []
    assert {path.name for path in here.volume.index_file.parent.iterdir()} == {"index.json", "locks"}


def test_no_change_writes_nothing(here):
    here.volume.prepare()
    index.remove_entry(here.root, "nothing", here.said.append)
    assert not here.volume.index_file.exists()


def test_concurrent_changes_are_all_stored(here):
    here.volume.prepare()
    models = [ONE.model_copy(update={"id": f"acme/{number}"}) for number in range(8)]

    def add(model):
        index.update_index(here.root, lambda before: before.having(model), here.said.append)

    threads = [threading.Thread(target=add, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(index.load_index(here.root, here.said.append).models) == {model.key for model in models}


DAMAGES = {
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda _: "",
    "older": lambda text: changed(text, version=0),
    "not text": lambda _: "\udcff",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_index_is_rebuilt_from_the_volume(here, damage):
    before = here.download()
    damaged = damage(here.volume.index_file.read_text()).encode(errors="surrogateescape")
    here.volume.index_file.write_bytes(damaged)
    [found] = index.load_index(here.root, here.said.append).models.values()
    assert (found.id, found.revision, found.commit, found.files) == (MODEL, "main", before.commit, before.files)
    assert (found.patterns, found.bytes) == (None, KEPT)
    assert found.cached_at
    assert here.volume.index_file.with_name("index.json.broken").read_bytes() == damaged
    assert "is rebuilt from the files on the volume" in here.said[0]
    assert index.load_index(here.root, here.said.append).models == {found.key: found}
    assert len(here.said) == 1


def test_a_damaged_index_costs_no_byte_of_a_download(here):
    before = here.download()
    here.volume.index_file.write_text("{")
    found = here.download()
    assert (found.files, found.patterns) == (before.files, before.patterns)
    assert here.hub.sent(MODEL) == KEPT


def test_a_damaged_model_is_not_in_a_rebuilt_index(here):
    here.download()
    here.download(revision=here.model.revisions["v1"])
    blob = here.repo.blobs / here.model.files["model-00001-of-00002.safetensors"].etag
    blob.write_bytes(b"x" + blob.read_bytes()[1:])
    (here.volume.hub / "datasets--acme--some" / "snapshots" / ("0" * 40)).mkdir(parents=True)
    here.volume.index_file.write_text("{")
    found = index.load_index(here.root, here.said.append).models.values()
    assert [(one.id, one.revision) for one in found] == [(MODEL, here.model.revisions["v1"])]


def test_a_file_that_is_no_blob_is_not_in_a_rebuilt_index(here):
    commit = here.download().commit
    (here.repo.snapshot(commit) / "notes.txt").write_text("mine")
    here.volume.index_file.write_text("{")
    assert index.load_index(here.root, here.said.append).models == {}


def test_a_damaged_index_of_an_empty_volume(here):
    here.volume.index_file.parent.mkdir(parents=True)
    here.volume.index_file.write_text("{")
    assert index.load_index(here.root, here.said.append) == VolumeIndex()


def test_a_damaged_index_of_a_volume_that_is_read_only(here, monkeypatch):
    before = here.download()
    here.volume.index_file.write_text("{")

    def refuse(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(VolumeFiles, "write_atomically", refuse)
    [found] = index.load_index(here.root, here.said.append).models.values()
    assert found.files == before.files
    assert here.volume.index_file.read_text() == "{"
    assert here.said[-1] == f"the index of {here.root} cannot be stored: Read-only file system"


def test_the_index_of_a_later_release_is_left_alone(here):
    here.download()
    later = changed(here.volume.index_file.read_text(), version=2)
    here.volume.index_file.write_text(later)
    for act in (
        here.download,
        lambda: index.load_index(here.root, here.said.append),
        lambda: index.update_index(here.root, lambda before: before.having(ONE), here.said.append),
    ):
        with pytest.raises(DownloadError) as error:
            act()
        assert error.value.reason == "VolumeRefused"
        assert "was written by a later release and is not changed: it has version 2" in error.value.message
    assert here.volume.index_file.read_text() == later


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    place, files = tmp_path / "folder" / "file", VolumeFiles(tmp_path)
    files.write_atomically(place, b"before")

    def fail(_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(volume_files.os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        files.write_atomically(place, b"after")
    assert place.read_text() == "before"
    assert [path.name for path in place.parent.iterdir()] == ["file"]
