"""What an inspection reads at a source: ranges of files, whole at the end, and errors of connections."""

import os

import pytest
from urllib3.exceptions import ProtocolError

from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.folder import FolderReader
from hooks.jobs.volume.reader import OpenedFile
from hooks.jobs.volume.source_files import SourceFiles
from hooks.jobs.volume.volume_files import VolumeFiles


@pytest.fixture
def source(tmp_path):
    (tmp_path / "config.json").write_bytes(b"0123456789")
    return SourceFiles(FolderReader(tmp_path, "", "acme/mine"))


def test_ranges_end_where_the_file_does(source):
    listed = source.listing()
    assert listed.sizes == {"config.json": 10}
    ranges = ((0, 4), (6, 100), (10, 5), (11, 5))
    assert [source.read(listed.version, "config.json", *one) for one in ranges] == [b"0123", b"6789", b"", b""]


@pytest.fixture
def claim(tmp_path):
    """A claim with a folder whose weights are a link, as in Hugging Face's cache, and much more below it."""
    root = tmp_path / "claim"
    (root / "chat" / "original").mkdir(parents=True)
    (root / "blobs").mkdir()
    (root / "blobs" / "weights").write_bytes(b"weights")
    (root / "chat" / "config.json").write_bytes(b"{}")
    (root / "chat" / "model.safetensors").symlink_to("../blobs/weights")
    (root / "chat" / "original" / "other.safetensors").write_bytes(b"other")
    return root


def on(claim, path="chat"):
    return SourceFiles(FolderReader(claim, path, f"pvc://team/{path}"))


def test_of_a_folder_on_a_claim_only_what_is_in_it_is_listed(claim):
    assert on(claim).listing().sizes == {"config.json": 2, "model.safetensors": 7}


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "../../../../../etc/passwd"])
def test_a_link_out_of_a_claim_is_refused(claim, target):
    (claim.parent / "secret").write_bytes(b"of others")
    (claim / "chat" / "config.json").unlink()
    (claim / "chat" / "config.json").symlink_to(target)
    with pytest.raises(
        DownloadError, match=r"config\.json in pvc://team/chat is a link out of it, which is not follow"
    ):
        on(claim).listing()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none", "is not a folder: correct the source"),
        ("blobs/weights", "is not a folder: correct the source"),
        ("link", "is not a folder, but a symbolic link, which is not followed: correct the source"),
        ("link/original", "cannot be read: a symbolic link in place of a folder"),
        ("../claim/chat", "cannot be read: a path out of the volume"),
    ],
)
def test_what_is_no_folder_of_the_claim_is_not_read(claim, path, words):
    (claim / "link").symlink_to("chat")
    with pytest.raises(DownloadError, match=words) as error:
        on(claim, path).listing()
    assert error.value.reason == "NotFound"


def test_a_claim_that_is_not_mounted(tmp_path):
    with pytest.raises(DownloadError, match="is not a folder"):
        on(tmp_path / "none", "").listing()


def test_a_folder_that_another_user_keeps_names_the_user(claim, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied", "chat")

    monkeypatch.setattr(VolumeFiles, "entries", denied)
    with pytest.raises(DownloadError, match=rf"chat cannot be read by user {os.getuid()}: Permission denied"):
        on(claim).listing()


def test_bytes_that_were_not_requested_are_skipped(source, monkeypatch):
    source.listing()
    whole = source.reader.transfer
    monkeypatch.setattr(
        source.reader, "transfer", lambda commit, file, begin, end: OpenedFile(whole(commit, file, 0, end).body, begin)
    )
    assert source.read(None, "config.json", 3, 2) == b"34"


def test_a_connection_that_breaks_is_retried(source, monkeypatch):
    class Broken:
        def read1(self, _):
            raise ProtocolError("it is gone")

        def close(self):
            pass

    source.listing()
    monkeypatch.setattr(source.reader, "transfer", lambda *_: OpenedFile(Broken()))
    with pytest.raises(TransientError, match="it is gone"):
        source.read(None, "config.json", 0, 2)
