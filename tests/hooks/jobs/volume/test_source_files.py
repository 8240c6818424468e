"""What an inspection reads at a source: ranges of files, whole at the end, and errors of connections."""

import pytest
from urllib3.exceptions import ProtocolError

from hooks.jobs.volume.errors import TransientError
from hooks.jobs.volume.folder import FolderReader
from hooks.jobs.volume.reader import OpenedFile
from hooks.jobs.volume.source_files import SourceFiles


@pytest.fixture
def source(tmp_path):
    (tmp_path / "config.json").write_bytes(b"0123456789")
    return SourceFiles(FolderReader(tmp_path, "", "acme/mine"))


def test_ranges_end_where_the_file_does(source):
    listed = source.listing()
    assert listed.sizes == {"config.json": 10}
    ranges = ((0, 4), (6, 100), (10, 5), (11, 5))
    assert [source.read(listed.version, "config.json", *one) for one in ranges] == [b"0123", b"6789", b"", b""]


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
