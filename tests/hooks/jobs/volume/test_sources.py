"""Downloads from a bucket and from a folder: what arrives, what goes on where it was, what was replaced meanwhile."""

import hashlib
import os
from contextlib import closing
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from aimlib.api.source import ModelSource, parse_source
from hooks.jobs.volume import blob, folder, s3
from hooks.jobs.volume.download import DownloadContext, download_model
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.request import DownloadRequest
from hooks.jobs.volume.s3 import S3Reader
from tests.hooks.jobs.volume.bucket import KEYS, Bucket
from tests.hooks.jobs.volume.here import QUICK, RecordingReporter

MODEL = "acme/chat"
WEIGHTS = "model.safetensors"
FILES = {
    "config.json": b'{"model_type": "some"}',
    WEIGHTS: os.urandom(300_000),
    "deep/tokenizer ~+.json": b"{}",
}


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 4995584000\n"
"""In a bucket to which a clone was copied: https://github.com/huggingface/diffusers/pull/13559."""


@pytest.fixture
def bucket(monkeypatch):
    for name, text in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), KEYS, strict=True):
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    made = Bucket()
    for path, content in FILES.items():
        made.put(f"chat/v1/{path}", content)
    made.put("chat/v1/", b"")
    made.put("chat/v10/other.safetensors", b"of another model")
    yield made
    made.stop()


class Place:
    """A volume to download to."""

    def __init__(self, root: Path) -> None:
        self.root, self.reporter, self.said = root, RecordingReporter(), []
        self.repo = MountedVolume(root).repo(MODEL)

    def download(self, **changes):
        request = DownloadRequest(**{"root": self.root, "model": MODEL, "workers": 1, **changes})
        return download_model(request, DownloadContext(self.reporter, self.said.append, retry_policy=QUICK))

    @property
    def files(self):
        """What an engine finds."""
        found = snapshot_download(MODEL, cache_dir=self.root / "hub", local_files_only=True)
        return {str(one.relative_to(found)): one.read_bytes() for one in Path(found).rglob("*") if one.is_file()}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "volume")


def from_bucket(place, bucket, **changes):
    return place.download(**{"source": "s3://models/chat/v1", "endpoint": bucket.url, **changes})


def refused(act, *given, **changes):
    with pytest.raises(DownloadError) as error:
        act(*given, **changes)
    return error.value


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hf://acme/chat", ("hf", "acme/chat", "", None)),
        ("hf://acme/chat@refs/pr/7", ("hf", "acme/chat", "", "refs/pr/7")),
        ("s3://models", ("s3", "models", "", None)),
        ("s3://models/chat/v1/", ("s3", "models", "chat/v1", None)),
        ("pvc://claim/a/b", ("pvc", "claim", "a/b", None)),
    ],
)
def test_a_source_in_its_parts(text, parts):
    assert parse_source(text) == ModelSource(*parts)


def test_a_folder_of_a_bucket_arrives_and_engines_find_it_by_the_id(place, bucket):
    found = from_bucket(place, bucket)
    assert place.files == FILES
    assert (found.source, found.verified, len(found.files)) == ("s3://models/chat/v1", "FirstRead", 3)
    assert {one.hash for one in found.files} == {hashlib.sha256(content).hexdigest() for content in FILES.values()}
    assert found.report().verified == "FirstRead"
    count = len(bucket.requests)
    assert from_bucket(place, bucket) == found
    assert len(bucket.requests) == count


def test_pointers_in_place_of_weights_are_no_model(place, bucket):
    bucket.put(f"chat/v1/{WEIGHTS}", POINTER)
    error = refused(from_bucket, place, bucket)
    assert error.reason == "NoFiles"
    assert f"{WEIGHTS} of {MODEL}@main is a pointer of Git LFS" in error.message
    bucket.put(f"chat/v1/{WEIGHTS}", FILES[WEIGHTS])
    assert from_bucket(place, bucket)
    assert place.files == FILES


def test_a_list_in_pages_is_read_to_its_end(place, bucket):
    bucket.page = 1
    assert len(from_bucket(place, bucket).files) == 3


@pytest.mark.parametrize("encodes", [True, False], ids=["encoded", "as they are"])
def test_keys_with_spaces_and_signs_are_those_of_the_bucket(place, bucket, encodes):
    bucket.encodes = encodes
    for path, content in FILES.items():
        bucket.put(f"my models/v1+2/100%25/{path}", content)
    found = from_bucket(place, bucket, source="s3://models/my models/v1+2/100%25")
    assert {file.path for file in found.files} == set(FILES)


def test_an_object_with_a_checksum_is_verified_against_it(place, bucket):
    for path, content in FILES.items():
        bucket.put(f"chat/v1/{path}", content, parts=3, checksum=True)
    assert from_bucket(place, bucket).verified == "SourceHashes"
    assert place.files == FILES
    bucket.checksums[f"chat/v1/{WEIGHTS}"] = "b2YgcGFydHM=-3"
    assert from_bucket(place, bucket, source="s3://models/chat/v1/").verified == "FirstRead"


def test_a_checksum_that_the_content_does_not_have_is_corrupt(place, bucket):
    bucket.put(f"chat/v1/{WEIGHTS}", b"right", checksum=True)
    bucket.objects[f"chat/v1/{WEIGHTS}"] = b"wrong"
    error = refused(from_bucket, place, bucket)
    assert error.reason == "Corrupt"
    assert f"{WEIGHTS} of s3://models/chat/v1 is corrupt after two downloads from {bucket.url}" in error.message


def test_a_transfer_that_is_cut_goes_on_at_its_byte(place, bucket):
    bucket.cuts = [100_000, 50_000]
    from_bucket(place, bucket)
    assert place.files == FILES
    ranges = [headers.get("Range") for _, path, headers in bucket.requests if path.endswith(WEIGHTS)]
    assert ranges == [None, None, "bytes=100000-299999", "bytes=150000-299999"]  # the first one is a HEAD
    assert bucket.sent == sum(map(len, FILES.values()))


def test_an_object_that_is_replaced_amid_the_download_is_never_mixed(place, bucket):
    bucket.cuts = [100_000]
    before = bucket.cut_after

    def replacing(key):
        cut = before(key)
        if cut is not None:
            bucket.put(f"chat/v1/{WEIGHTS}", b"new" * 100_000)
        return cut

    bucket.cut_after = replacing
    error = refused(from_bucket, place, bucket)
    assert (error.reason, error.code) == ("Changed", 79)
    assert error.message == (
        f"{WEIGHTS} of s3://models/chat/v1 at {bucket.url} was replaced during the download: it is listed anew"
    )
    from_bucket(place, bucket)
    assert place.files == {**FILES, WEIGHTS: b"new" * 100_000}


@pytest.mark.parametrize("careless", [True, False])
def test_an_object_that_is_replaced_or_removed_after_the_list(place, bucket, careless, monkeypatch):
    bucket.careless = careless
    monkeypatch.setattr(S3Reader, "with_hashes", lambda _, files: (bucket.put(f"chat/v1/{WEIGHTS}", b"x"), files)[1])
    assert refused(from_bucket, place, bucket).reason == "Changed"
    monkeypatch.setattr(S3Reader, "with_hashes", lambda _, files: (bucket.objects.pop(f"chat/v1/{WEIGHTS}"), files)[1])
    assert refused(from_bucket, place, bucket).reason == "Changed"


def test_an_object_that_is_replaced_before_its_checksum_is_requested(bucket):
    listed = bucket.etags[f"chat/v1/{WEIGHTS}"]
    with closing(S3Reader(parse_source("s3://models/chat/v1"), bucket.url, "eu-1")) as reader:
        _, files = reader.listing()
        bucket.put(f"chat/v1/{WEIGHTS}", b"x")
        assert refused(reader.with_hashes, files).reason == "Changed"
    assert listed != bucket.etags[f"chat/v1/{WEIGHTS}"]


def test_what_was_read_first_is_not_read_again(place, bucket):
    bucket.cuts = [100_000] * 9
    assert refused(from_bucket, place, bucket, max_size=1).reason == "TooLarge"
    first = from_bucket(place, bucket)
    MountedVolume(place.root).index_file.unlink()
    sent = bucket.sent
    again = from_bucket(place, bucket)
    assert (again.commit, again.files, bucket.sent) == (first.commit, first.files, sent)
    (place.repo.blobs / next(one.hash for one in first.files if one.path == WEIGHTS)).unlink()
    from_bucket(place, bucket)
    assert (bucket.sent, place.files) == (sent + 300_000, FILES)
    for one in (place.repo.path / "learned").iterdir():
        one.write_text("../../../etc/passwd")
    MountedVolume(place.root).index_file.unlink()
    from_bucket(place, bucket)
    assert place.files == FILES


ERRORS = {
    "no such bucket": (404, "NoSuchBucket", "NotFound", "has no bucket models: correct the source"),
    "another region": (400, "AuthorizationHeaderMalformed", "NotFound", "is not in the region us-east-1"),
    "clocks": (403, "RequestTimeTooSkewed", "TokenInvalid", "correct the clocks"),
    "wrong keys": (403, "InvalidAccessKeyId", "TokenInvalid", "does not accept the keys"),
    "no access": (403, "AccessDenied", "Gated", "does not let these keys read s3://models/chat/v1"),
    "something else": (418, "", "Network", "returned 418 for s3://models/chat/v1"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_a_service_refuses_has_a_reason(place, bucket, case):
    status, code, reason, words = ERRORS[case]
    bucket.faults = [(status, code)]
    error = refused(from_bucket, place, bucket)
    assert error.reason == reason
    assert words in error.message
    assert KEYS[1] not in error.message


def test_a_service_that_is_busy_is_tried_again(place, bucket):
    bucket.faults = [(503, "SlowDown"), (400, "RequestTimeout")]
    assert from_bucket(place, bucket).verified == "FirstRead"


def test_keys_that_are_missing_wrong_or_halved(place, bucket, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    assert refused(from_bucket, place, bucket).reason == "TokenInvalid"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ä")
    assert refused(from_bucket, place, bucket).reason == "TokenInvalid"
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert refused(from_bucket, place, bucket).reason == "TokenMissing"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    error = refused(from_bucket, place, bucket)
    assert error.reason == "TokenMissing"
    assert "provide access.secret of the model" in error.message
    bucket.keys = ()
    assert from_bucket(place, bucket).verified == "FirstRead"
    assert not any("Authorization" in headers for _, _, headers in bucket.requests[-5:])


def test_a_session_has_a_token(place, bucket, monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    from_bucket(place, bucket)
    assert all(headers["x-amz-security-token"] == "session" for _, _, headers in bucket.requests)


def test_a_folder_without_objects_a_service_that_is_none_and_a_url_that_is_none(place, bucket):
    error = refused(from_bucket, place, bucket, source="s3://models/nothing")
    assert (error.reason, f"{bucket.url} has no objects below s3://models/nothing" in error.message) == (
        "NotFound",
        True,
    )
    assert refused(from_bucket, place, bucket, endpoint="http://user@host").reason == "Network"
    assert str(s3.service_url(None, "eu-west-1")) == "https://s3.eu-west-1.amazonaws.com"
    bucket.put("chat/v1/../evil.safetensors", b"x")
    assert refused(from_bucket, place, bucket).reason == "Corrupt"


def test_a_list_that_never_ends_is_ended(place, bucket, monkeypatch):
    monkeypatch.setattr(s3, "MOST_OBJECTS", 2)
    assert "lists more than 2 objects" in refused(from_bucket, place, bucket).message


@pytest.mark.parametrize(
    "text",
    [
        b"<html>no</html>",
        b"no",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><ListBucketResult/>",
        b"<a>" * 20,
        b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        b"<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>a</NextMarker></ListBucketResult>",
    ],
)
def test_what_no_s3_service_writes_is_refused(place, bucket, text, monkeypatch):
    monkeypatch.setattr(s3, "read_body", lambda *_: text)
    error = refused(from_bucket, place, bucket)
    assert (error.reason, "does not respond like S3" in error.message) == ("Network", True)


def test_a_service_that_breaks_off_its_list_or_its_error(place, bucket, monkeypatch):
    def broken(*_):
        raise s3.HTTPError("gone")

    monkeypatch.setattr(s3, "read_body", broken)
    assert "cannot be reached: gone" in refused(from_bucket, place, bucket).message
    bucket.faults = [(403, "AccessDenied")]
    assert refused(from_bucket, place, bucket).reason == "Gated"


@pytest.fixture
def mine(tmp_path):
    """A folder with the model, partly as Hugging Face's cache has it."""
    root = tmp_path / "claim"
    for path, content in FILES.items():
        (root / "chat" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "chat" / path).write_bytes(content)
    (root / "blobs").mkdir()
    (root / "chat" / WEIGHTS).rename(root / "blobs" / "weights")
    (root / "chat" / WEIGHTS).symlink_to("../blobs/weights")
    (root / "chat" / "out").symlink_to("../../elsewhere")
    (root / "chat" / "passwd").symlink_to("/etc/passwd")
    os.mkfifo(root / "chat" / "pipe")
    return root


def test_a_folder_of_a_claim_is_copied_and_verified_from_then_on(place, mine):
    found = place.download(source="pvc://team/chat", folder=mine)
    assert place.files == FILES
    assert (found.source, found.verified) == ("pvc://team/chat", "FirstRead")


@pytest.fixture
def snapshot(mine):
    """The same as a snapshot in Hugging Face's cache."""
    cached = mine.rename(mine.parent / "models--acme--chat")
    (cached / "snapshots").mkdir()
    found = (cached / "chat").rename(cached / "snapshots" / "3f1c")
    (found / WEIGHTS).unlink()
    (found / WEIGHTS).symlink_to("../../blobs/weights")
    (found / "out").unlink()
    (found / "passwd").unlink()
    return found


@pytest.mark.parametrize("link", ["/etc/passwd", "../../../secret", "../../../volume/nothing"])
def test_what_a_link_leads_out_to_is_not_imported(place, snapshot, tmp_path, link):
    (tmp_path / "secret").write_text("of others")
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(link)
    error = refused(place.download, folder=snapshot)
    assert error.reason == "NotFound"
    assert "config.json in" in error.message
    assert "is a link out of it" in error.message


def test_an_imported_folder_is_found_by_its_id_without_a_network(place, snapshot):
    found = place.download(folder=snapshot)
    assert place.files == FILES
    assert (found.source, found.verified, place.files["config.json"]) == (None, "FirstRead", FILES["config.json"])
    assert place.download() == found


def test_a_copy_that_was_cut_goes_on(place, mine, monkeypatch):
    monkeypatch.setattr(blob.hashes, "READ_BYTES", 1000)
    monkeypatch.setattr(folder.FolderBody, "read1", cutting := Cutting(folder.FolderBody.read1))
    place.download(source="pvc://team/chat", folder=mine)
    assert place.files == FILES
    assert cutting.cut == 2


class Cutting:
    """Ends two reads in the middle."""

    def __init__(self, read):
        self.read, self.calls, self.cut = read, 0, 0

    def __get__(self, body, _=None):
        def read1(amt):
            self.calls += 1
            if self.calls in {20, 60}:
                self.cut += 1
                raise TransientError("cut")
            return self.read(body, amt)

        return read1


@pytest.mark.parametrize("when", ["before", "amid", "gone", "pipe"])
def test_a_file_that_changes_while_it_is_read(place, mine, when, monkeypatch):
    weights = mine / "blobs" / "weights"
    listing = folder.FolderReader.listing

    def changing(reader):
        found = listing(reader)
        if when == "before":
            weights.write_bytes(b"other")
        elif when != "amid":
            weights.unlink()
            if when == "pipe":
                os.mkfifo(weights)
        return found

    monkeypatch.setattr(folder.FolderReader, "listing", changing)
    if when == "amid":
        read = folder.FolderBody.read1
        monkeypatch.setattr(
            folder.FolderBody, "read1", lambda body, amt: (os.utime(weights, (1, 1)), read(body, amt))[1]
        )
    error = refused(place.download, source="pvc://team/chat", folder=mine)
    assert error.reason == ("NotFound" if when == "pipe" else "Changed")


def test_what_is_no_folder_of_a_model(place, mine, tmp_path, monkeypatch):
    for source, root, reason in (
        ("pvc://team/nothing", mine, "NotFound"),
        ("pvc://team/chat", None, "NotFound"),
        ("pvc://team", tmp_path / "volume", "NoFiles"),
    ):
        assert refused(place.download, source=source, folder=root).reason == reason
    (tmp_path / "empty").mkdir()
    assert refused(place.download, folder=tmp_path / "empty").reason == "NoFiles"
    monkeypatch.setattr(folder.VolumeFiles, "tree", unreadable)
    assert "cannot be read: Input/output error" in refused(place.download, folder=mine / "chat").message


def unreadable(*_):
    raise OSError(5, "Input/output error")


def test_a_folder_body_has_nothing_to_shut_down(mine):
    with closing(folder.FolderReader(mine, "chat", "x")) as reader:
        commit, files = reader.listing()
        body, _ = reader.transfer(commit, files[0], 0, files[0].size)
        body.shutdown()
        body.close()


def test_another_repository_of_the_hub(here):
    found = here.download(model="acme/renamed", source="hf://acme/some-model@v1")
    assert (found.id, found.commit, found.verified) == ("acme/renamed", here.model.revisions["v1"], "SourceHashes")
