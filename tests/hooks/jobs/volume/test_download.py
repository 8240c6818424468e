"""Downloads: what arrives, what is not downloaded twice, what is refused, and how they go on after anything."""

import errno
import os
import shutil
import signal
import threading
from contextlib import closing

import pytest
from huggingface_hub import snapshot_download

from aimlib.api.cache import DUPLICATE_FILES
from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from aimlib.caching.volume_index import VolumeFile
from hooks.jobs.volume import blob as fetch
from hooks.jobs.volume import disk, hashes, locks, thread_pool, volume_files
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.hub import HubClient
from hooks.jobs.volume.progress import Progress
from hooks.jobs.volume.request import DownloadRequest
from hooks.jobs.volume.retry import CancelledError, RetryPolicy, retry
from tests.hooks.jobs.volume.here import FILES, KEPT, MODEL, QUICK, V1
from tests.hub import Fault

WEIGHTS = "model-00001-of-00002.safetensors"


def refused(here, **changes):
    with pytest.raises(DownloadError) as error:
        here.download(**changes)
    assert error.value.code == DOWNLOAD_OUTCOMES[error.value.reason].code
    return error.value


def test_every_file_arrives_once_and_is_found_by_huggingface_hub(here):
    found = here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent(MODEL) == KEPT == found.bytes
    assert set(here.blobs()) == {
        file.etag for path, file in here.model.files.items() if not path.startswith("original")
    }
    folder = snapshot_download(MODEL, cache_dir=here.volume.hub, local_files_only=True)
    assert folder == str(here.repo.snapshot(here.model.commit))
    assert here.repo.ref("main").read_text() == here.model.commit
    assert str((here.repo.snapshot(here.model.commit) / "deep/er/the-same.json").readlink()) == (
        f"../../../../blobs/{here.model.files['config.json'].etag}"
    )
    assert (found.commit, len(found.files), found.revision) == (here.model.commit, 6, "main")


def test_a_ready_model_is_not_requested_again(here):
    first = here.download()
    asked = len(here.hub.requests)
    assert here.download() == first
    assert len(here.hub.requests) == asked


def test_what_was_lost_is_downloaded_again_and_the_rest_is_verified(here):
    here.download()
    (here.repo.blobs / here.model.files[WEIGHTS].etag).unlink()
    here.download()
    assert here.hub.sent_of(WEIGHTS) == 2 * 3_000_000
    assert here.hub.sent(MODEL) == KEPT + 3_000_000
    assert here.files(here.model.commit) == here.expected()


def test_a_blob_that_changed_on_the_volume_is_downloaded_again(here):
    here.download()
    blob = here.repo.blobs / here.model.files[WEIGHTS].etag
    blob.write_bytes(b"x" + blob.read_bytes()[1:])
    here.volume.index_file.unlink()
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent_of(WEIGHTS) == 2 * 3_000_000
    assert here.reporter.reports[-1].done == KEPT


def test_a_cache_that_huggingface_hub_has_filled_is_verified_and_not_downloaded(here):
    snapshot_download(MODEL, cache_dir=here.volume.hub, endpoint=here.hub.url, token=False)
    sent = here.hub.sent()
    found = here.download()
    assert here.hub.sent() == sent
    assert found.bytes == KEPT
    assert {report.state for report in here.reporter.reports} == {"Verifying"}
    # The list of the hub's files names those that were left out: with it, engines would miss them.
    assert not here.repo.tree(here.model.commit).exists()


def test_the_list_of_files_stays_where_all_of_them_are_there(here):
    snapshot_download(MODEL, cache_dir=here.volume.hub, endpoint=here.hub.url, token=False)
    here.download(exclude=())
    assert here.repo.tree(here.model.commit).exists()


def test_a_revision_shares_the_blobs_of_another(here):
    here.download()
    here.hub.add(MODEL, {**FILES, "config.json": b"other"}, revisions={"v2": FILES | {"new.json": b"new"}})
    here.download(revision="v2")
    assert here.hub.sent(MODEL) == KEPT + 3
    assert here.repo.commit("v2") == here.model.revisions["v2"]
    assert here.repo.commit("main") != here.model.revisions["main"]


def test_a_commit_is_a_revision(here):
    commit = here.model.revisions["v1"]
    here.download(revision=commit)
    assert here.files(commit) == V1
    assert not here.repo.ref(commit).exists()


def test_patterns_choose_the_files(here):
    found = here.download(include=("*.json", "empty.bin"), exclude=("deep/*",))
    assert [one.path for one in found.files] == ["config.json", "empty.bin"]
    everything = here.download(exclude=())
    assert {one.path for one in everything.files} == set(FILES)
    assert here.hub.sent(MODEL) == KEPT + 700_000


def test_patterns_that_choose_nothing_are_refused(here):
    error = refused(here, include=("*.gguf",))
    assert error.reason == "NoFiles"
    assert error.message == (
        f"none of the 7 files of {MODEL}@main match: include *.gguf, exclude original/* metal/* consolidated*"
    )


def test_a_model_above_its_limit_is_refused_before_a_byte_is_fetched(here):
    error = refused(here, max_size=4_000_000)
    assert error.reason == "TooLarge"
    assert "4.4 MiB" in error.message
    assert f"({KEPT} and 4000000 bytes)" in error.message
    assert here.hub.sent() == 0
    assert here.download(max_size=KEPT)


def test_a_volume_that_is_too_small_is_reported_before_a_byte_is_downloaded(here, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda _: KEPT - 1)
    error = refused(here)
    assert error.reason == "NoSpace"
    assert f"({KEPT} and {KEPT - 1} bytes)" in error.message
    assert here.hub.sent() == 0


def test_what_is_there_already_needs_no_room(here, monkeypatch):
    here.hub.fault = (Fault(cut=True, after=1_000_000, times=1, on="cdn"), Fault(reset=True, on="cdn"))
    assert refused(here, workers=1).reason == "Network"
    here.hub.fault = None
    there = sum(here.blobs().values())
    assert there == 1_000_000
    monkeypatch.setattr(disk, "free_bytes", lambda _: KEPT - there)
    assert here.download().bytes == KEPT
    assert here.hub.sent() == KEPT


def test_space_is_freed_where_that_is_possible(here, monkeypatch):
    free = [KEPT - 1, KEPT]
    monkeypatch.setattr(disk, "free_bytes", lambda _: free[0] if len(free) == 1 else free.pop(0))
    asked = []
    assert here.download(make_room=asked.append).bytes == KEPT
    assert asked == [KEPT]


def test_why_no_space_could_be_freed_is_reported(here, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda _: 5)
    assert refused(here, make_room=lambda _: "all models are in use").message.endswith("(all models are in use)")


REFUSALS = {
    errno.ENOSPC: ("NoSpace", "is full"),
    errno.EDQUOT: ("NoSpace", "has reached its quota"),
    errno.EROFS: ("VolumeRefused", "is read-only"),
    errno.EIO: ("VolumeRefused", "fails with Input/output error"),
}


@pytest.mark.parametrize("number", REFUSALS, ids=errno.errorcode.get)
def test_a_disk_that_refuses_in_the_middle(here, number):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "_write", _failing_after(1_000_000, number))
        error = refused(here, workers=1)
    reason, said = REFUSALS[number]
    assert error.reason == reason
    assert said in error.message
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent(MODEL) < 2 * KEPT


def _failing_after(limit, number):
    real, written = fetch._write, []

    def write(out, data, count):
        if sum(written) > limit:
            raise OSError(number, os.strerror(number))
        written.append(len(data))
        return real(out, data, count)

    return write


def test_a_server_that_ignores_ranges_sends_what_is_there_once_more(here):
    here.hub.fault = (Fault(cut=True, after=200_000, times=1, path=WEIGHTS, on="cdn"), Fault(whole=True, path=WEIGHTS))
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent_of(WEIGHTS) == 200_000 + 3_000_000


def test_long_files_are_requested_in_parts(here, monkeypatch):
    monkeypatch.setattr(fetch, "MAX_RANGE_BYTES", 1_000_000)
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent(MODEL) == KEPT
    asked = [one.range for one in here.hub.requests if one.host == "cdn" and WEIGHTS in one.path]
    assert asked == ["bytes=0-999999", "bytes=1000000-1999999", "bytes=2000000-2999999"]


@pytest.mark.parametrize("found", [{"Content-Range": "bytes 7-9/3000000"}, {}], ids=["another range", "no range"])
def test_a_server_that_sends_another_range_is_not_believed(here, found):
    here.hub.fault = Fault(status=206, headers=found, path=WEIGHTS, on="cdn")
    said = found.get("Content-Range", "no Content-Range")
    assert f"requested {WEIGHTS} from byte 0 on, got {said}" in refused(here).message


def test_a_range_without_content_range_is_known_by_its_length(here):
    """As a proxy sends it: https://github.com/huggingface/text-embeddings-inference/issues/895."""
    cut = Fault(cut=True, after=200_000, times=1, path=WEIGHTS, on="cdn")
    here.hub.fault = (cut, Fault(unranged=True, path=WEIGHTS, on="cdn"))
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent_of(WEIGHTS) == 3_000_000


PAGE = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(("headers", "said"), [(PAGE, "sent a web page instead of"), ({}, "instead of the 3000000 of")])
def test_what_a_proxy_sends_in_place_of_a_file_is_no_part_of_it(here, headers, said):
    """A page of 635 bytes with status 200: https://github.com/huggingface/huggingface_hub/issues/2589."""
    here.hub.fault = Fault(status=200, headers=headers, path=WEIGHTS, on="cdn")
    error = refused(here)
    assert error.reason == "Network"
    assert f"{here.hub.cdn} sent " in error.message
    assert said in error.message
    assert WEIGHTS in error.message
    here.hub.fault = None
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent_of(WEIGHTS) == 3_000_000


def test_a_file_that_is_a_page_is_one_of_the_model(here):
    here.model = here.hub.add(MODEL, {**FILES, "card.html": b"<p>"})
    here.hub.fault = Fault(headers=PAGE, path="card.html")
    here.download()
    assert here.files(here.model.commit) == here.expected()


def test_the_rest_of_a_short_response_is_requested(here):
    here.hub.fault = Fault(status=206, headers={"Content-Range": "bytes 0-2999999/3000000"}, path=WEIGHTS, times=1)
    here.download()  # what came was wrong, too
    assert here.files(here.model.commit) == here.expected()
    ranges = [one.range for one in here.hub.requests if WEIGHTS in one.path and one.status in {200, 206}]
    assert [one is None for one in ranges] == [True, False, True]


def test_a_response_with_more_bytes_than_requested_is_cut_off(here, monkeypatch):
    monkeypatch.setattr(fetch, "MAX_RANGE_BYTES", 1_000_000)
    here.hub.fault = Fault(whole=True, path=WEIGHTS)
    here.download()
    assert here.files(here.model.commit) == here.expected()


def test_a_file_that_arrives_wrong_is_fetched_once_more(here):
    here.hub.fault = Fault(corrupt=True, path=WEIGHTS, on="cdn", times=1)
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent_of(WEIGHTS) == 6_000_000
    assert here.reporter.reports[-1].done == KEPT


def test_a_file_that_is_wrong_twice_is_corrupt_and_deleted(here):
    here.hub.fault = Fault(corrupt=True, path=WEIGHTS, on="cdn")
    error = refused(here)
    assert error.reason == "Corrupt"
    assert WEIGHTS in error.message
    assert here.model.files[WEIGHTS].etag in error.message
    assert here.model.files[WEIGHTS].etag not in here.blobs()
    assert not here.repo.snapshot(here.model.commit).exists()
    assert not here.volume.index_file.exists()


def test_an_incomplete_file_that_is_too_long_is_downloaded_from_the_start(here):
    here.repo.blobs.mkdir(parents=True)
    (here.repo.blobs / f"{here.model.files[WEIGHTS].etag}.incomplete").write_bytes(bytes(3_000_001))
    here.download()
    assert here.files(here.model.commit) == here.expected()


def test_an_incomplete_file_that_is_whole_is_only_verified(here):
    here.repo.blobs.mkdir(parents=True)
    (here.repo.blobs / f"{here.model.files[WEIGHTS].etag}.incomplete").write_bytes(here.model.files[WEIGHTS].data())
    here.download()
    assert here.hub.sent_of(WEIGHTS) == 0
    assert here.files(here.model.commit) == here.expected()


def test_the_token_is_for_the_hub_alone(here, monkeypatch):
    here.hub.add(MODEL, FILES, gated=True)
    here.hub.tokens["secret"] = {MODEL}
    monkeypatch.setenv("HF_TOKEN", "secret")
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert {one.authorised for one in here.hub.requests if one.host == "hub"} == {True}
    assert {one.authorised for one in here.hub.requests if one.host == "cdn"} == {False}
    assert "secret" not in str(here.said)


@pytest.mark.parametrize(("without", "proxied"), [("localhost", False), ("", True)])
def test_requests_go_through_the_proxy_of_the_environment(here, monkeypatch, without, proxied):
    monkeypatch.setenv("HTTP_PROXY", here.hub.url.replace("//", "//user:word@"))
    monkeypatch.setenv("NO_PROXY", without)
    here.download()
    assert {one.proxied for one in here.hub.requests if one.host == "hub"} == {True}
    assert {one.proxied for one in here.hub.requests if one.host == "cdn"} == {proxied}


def test_a_link_to_another_file_is_replaced(here):
    here.download()
    link = here.repo.snapshot(here.model.commit) / WEIGHTS
    link.unlink()
    link.write_bytes(b"something else")
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent(MODEL) == KEPT


def test_another_download_of_the_model_is_waited_for(here, monkeypatch):
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.01)
    here.volume.prepare()
    with locks.hold_lock(here.volume, here.repo.path.name, 0, print):
        waiting = threading.Thread(target=here.download)
        waiting.start()
        while not here.reporter.reports:
            waiting.join(0.01)
        assert "holds the lock" in here.reporter.reports[0].message
    waiting.join()
    assert here.files(here.model.commit) == here.expected()


def test_another_download_of_the_model_that_does_not_end(here, monkeypatch):
    monkeypatch.setattr(locks, "MODEL_WAIT", 0.0)
    here.volume.prepare()
    with locks.hold_lock(here.volume, here.repo.path.name, 0, print):
        error = refused(here)
    assert error.reason == "Busy"
    assert f"process {os.getpid()} on" in error.message


@pytest.fixture
def _interruptible():
    """SIGINT as at a terminal; a shell lets what runs in its background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_a_stopped_download_keeps_the_received_bytes(here):
    here.hub.when_sent(1_000_000, lambda: signal.raise_signal(signal.SIGINT) or os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        here.download()
    assert here.download().bytes == KEPT
    assert here.files(here.model.commit) == here.expected()


def test_transfers_that_are_silent_are_ended_with_the_download(here, monkeypatch):
    monkeypatch.setattr(thread_pool, "SHUTDOWN_SECONDS", 5.0)
    here.hub.fault = (Fault(stall=20, after=500_000, path=WEIGHTS), Fault(status=403, path="deep/*", on="files"))
    assert refused(here).reason == "TokenMissing"
    assert [one.name for one in threading.enumerate() if "_serve)" in one.name] == []
    here.hub.fault = None
    assert here.download().bytes == KEPT


def test_a_volume_without_a_folder_for_it_is_refused(here):
    here.root.write_text("a file")
    assert refused(here).reason == "VolumeRefused"


def test_a_volume_without_links_is_refused(here, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(volume_files.os, "symlink", refuse)
    assert "does not support symbolic links" in refused(here).message


def test_a_volume_that_goes_away_is_refused(here):
    here.hub.when_sent(1_000_000, lambda: shutil.rmtree(here.root, ignore_errors=True))
    assert refused(here).reason == "VolumeRefused"


def test_a_volume_that_refuses_links_for_another_reason(here, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "no inodes")

    monkeypatch.setattr(volume_files.os, "symlink", refuse)
    assert refused(here).reason == "NoSpace"


@pytest.fixture
def fetcher(here):
    """What fetches the files of the model, at work for nobody yet."""
    here.repo.blobs.mkdir(parents=True)
    hub = HubClient(here.hub.url, MODEL, "main")
    with closing(hub.client):
        yield fetch.BlobDownloader(hub, here.model.commit, here.repo, Progress(KEPT), QUICK)


def test_a_transfer_that_is_not_wanted_any_more_ends(here, fetcher):
    file = VolumeFile(path=WEIGHTS, size=3_000_000, hash=here.model.files[WEIGHTS].etag)
    fetcher.abort()
    with pytest.raises(CancelledError):
        fetcher.download(file)
    assert here.blobs() == {f"{file.hash}.incomplete": 0}
    (here.repo.blobs / file.hash).write_bytes(bytes(3_000_000))
    with pytest.raises(CancelledError):
        fetcher.download(file)


def test_a_transfer_ends_amid_its_bytes(here, fetcher, tmp_path):
    file = VolumeFile(path="config.json", size=22, hash="0" * 40)
    answer = fetcher.reader.client.get(fetcher.reader.url(here.model.commit, "config.json"))
    fetcher.stop.set()
    with (tmp_path / "out").open("wb", buffering=0) as out, pytest.raises(CancelledError):
        fetcher._copy(fetch.Sent(file, answer.response, 0), 22, out, hashes.new_hash("0" * 40, 22))
    answer.response.close()
    assert (tmp_path / "out").stat().st_size == 0


def test_a_transfer_that_has_just_ended_needs_no_end(here, fetcher):
    answer = fetcher.reader.client.get(fetcher.reader.url(here.model.commit, "config.json"))
    answer.response.read()
    fetcher.bodies.add(answer.response)
    fetcher.abort()
    assert fetcher.stop.is_set()


def test_pauses_end_when_the_work_is_not_wanted_any_more():
    def fail():
        raise TransientError("again", 3600)

    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(CancelledError):
        retry(fail, RetryPolicy(), stop)


def test_pauses_grow_up_to_a_limit_and_follow_servers_up_to_another():
    retry_policy = RetryPolicy()
    assert [retry_policy.pause(failed, None) for failed in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert [retry_policy.pause(1, asked) for asked in (0, 7, 3600)] == [0, 7, 300]


MISTRAL = {"params.json": b"{}", "tekken.json": b"{}", "README.md": b"x"}
ONE, TWO = "consolidated-00001-of-00002.safetensors", "consolidated-00002-of-00002.safetensors"
NO_WEIGHTS = "match has weights (such as .safetensors, .bin, .pt, .gguf), so that no engine could load it"


@pytest.mark.parametrize("words", [{}, {"exclude": DUPLICATE_FILES}])
def test_duplicates_are_downloaded_where_they_are_all_weights_that_there_are(here, words):
    here.hub.add(MODEL, {**MISTRAL, ONE: 10, TWO: 20, "training_args.bin": b"x", "original/x.json": b"{}"})
    found = {one.path for one in here.download(**words).files}
    assert found == {*MISTRAL, ONE, TWO, "training_args.bin"}
    here.hub.stop()
    assert here.download(offline=True, **words)
    here.hub.start()


def test_an_incomplete_form_of_the_weights_excludes_no_complete_one(here):
    here.hub.add(MODEL, {**MISTRAL, "consolidated.safetensors": 10, "model-00001-of-00002.safetensors": 5})
    assert "consolidated.safetensors" in {one.path for one in here.download().files}


def test_weights_below_original_are_taken_where_there_are_no_others(here):
    here.hub.add(MODEL, {"config.json": b"{}", "original/model.pth": 10})
    assert {one.path for one in here.download().files} == {"config.json", "original/model.pth"}


@pytest.mark.parametrize("patterns", [{"exclude": ("consolidated*",)}, {"include": ("*.json",)}])
def test_patterns_that_leave_no_weights_are_refused(here, patterns):
    here.hub.add(MODEL, {**MISTRAL, ONE: 10, TWO: 20})
    error = refused(here, **patterns)
    assert error.reason == "NoFiles"
    assert NO_WEIGHTS in error.message
    assert here.hub.sent() == 0


def test_a_repository_without_weights_is_refused(here):
    here.hub.add(MODEL, MISTRAL)
    assert f"none of the 3 files of {MODEL}@main that {NO_WEIGHTS}" in refused(here).message


def test_a_model_that_an_earlier_release_took_for_whole_without_weights_is_downloaded_anew(here, monkeypatch):
    here.hub.add(MODEL, {**MISTRAL, ONE: 10, TWO: 20})
    with monkeypatch.context() as earlier:
        earlier.setattr(DownloadRequest, "select", lambda _, files: tuple(one for one in files if "json" in one.path))
        earlier.setattr(DownloadRequest, "lacks_weights", lambda *_: None)
        assert len(here.download().files) == 2
    with pytest.raises(DownloadError, match="on the volume, none of the 2 files") as offline:
        here.download(offline=True)
    assert offline.value.reason == "NotOnVolume"
    assert len(here.download().files) == 5
