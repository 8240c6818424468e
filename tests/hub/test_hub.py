"""The hub of the tests: the real huggingface_hub understands it, and its counts are exact; downloads show the rest."""

import hashlib
import threading
import time
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import close_session, hf_hub_download, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from tests.hub import Fault, Hub

MODEL = "acme/some-model"
WEIGHTS = "model-00001-of-00002.safetensors"
FILES = {
    "config.json": b'{"model_type": "some"}',
    WEIGHTS: 300_000,
    "model-00002-of-00002.safetensors": 65_537,
    "tokenizer.json": 20_000,
    "original/params.json": b"{}",
    "original/deep/consolidated.bin": 10,
}


@pytest.fixture
def hub():
    with Hub() as made:
        yield made
    close_session()


@pytest.fixture
def model(hub):
    return hub.add(MODEL, FILES)


def fetched(hub, folder):
    return Path(snapshot_download(MODEL, cache_dir=folder, endpoint=hub.url, token=False))


def test_a_snapshot_has_every_file_and_each_byte_is_counted_once(hub, model, tmp_path):
    folder = fetched(hub, tmp_path)
    assert folder.name == model.commit
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {path: file.data() for path, file in model.files.items()}
    assert {path.name for path in (tmp_path / "models--acme--some-model" / "blobs").iterdir()} == {
        file.etag for file in model.files.values()
    }
    assert hub.sent(MODEL) == hub.sent() == model.total == sum(map(len, found.values()))
    assert hub.sent_of(WEIGHTS) == 300_000
    fetched(hub, tmp_path)
    assert hub.sent(MODEL) == model.total


def test_digests_are_those_of_git_and_of_lfs(model):
    config, weights = model.files["config.json"], model.files[WEIGHTS]
    assert config.etag == hashlib.sha1(b"blob 22\0" + FILES["config.json"]).hexdigest()  # noqa: S324  git's
    assert weights.etag == hashlib.sha256(weights.data()).hexdigest()
    assert weights.sha256 == weights.etag != weights.oid
    assert [path for path, file in model.files.items() if not file.sha256] == ["config.json", "original/params.json"]


def test_contents_are_the_same_each_time_and_nowhere_alike(model):
    weights = model.files[WEIGHTS]
    data = weights.data()
    assert b"".join(weights.contents.read(100_000, 200_001)) == data[100_000:200_001]
    pieces = [data[place : place + 1000] for place in range(0, 299_000, 1000)]
    assert len({*pieces}) == len(pieces)
    assert model.files["tokenizer.json"].data() != data[:20_000]


def test_the_second_host_refuses_a_token(hub, model):
    link = hub.link(MODEL, model.commit, model.files[WEIGHTS], None)
    assert httpx2.get(link).status_code == 200
    assert httpx2.get(link, headers={"Authorization": "Bearer secret"}).status_code == 400
    assert httpx2.get(link.replace("Signature=", "Signature=0")).status_code == 403


@pytest.mark.parametrize(
    ("kind", "token", "refusal"),
    [
        ("gated", False, (GatedRepoError, 401)),
        ("gated", "stranger", (GatedRepoError, 403)),
        ("private", False, (RepositoryNotFoundError, 401)),
        ("private", "stranger", (RepositoryNotFoundError, 404)),
        ("public", "wrong", (HfHubHTTPError, 401)),
    ],
)
def test_who_may_not_read_a_file_is_told_so(hub, tmp_path, kind, token, refusal):
    hub.add(MODEL, FILES, gated=kind == "gated", private=kind == "private")
    hub.tokens["stranger"] = set()
    with pytest.raises(HfHubHTTPError) as caught:
        hf_hub_download(MODEL, "config.json", cache_dir=tmp_path, endpoint=hub.url, token=token)
    assert (type(caught.value), caught.value.response.status_code) == refusal
    assert hub.sent() == 0


def test_an_alarm_at_a_byte(hub, model):
    at = []
    link = hub.link(MODEL, model.commit, model.files[WEIGHTS], None)
    hub.when_sent(123_456, lambda: at.append(hub.ledger.counts[MODEL, WEIGHTS]))
    threads = [threading.Thread(target=httpx2.get, args=(link,)) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert at == [123_456]
    assert hub.sent() == 3 * model.files[WEIGHTS].size


@pytest.mark.usefixtures("model")
def test_the_counts_of_a_client_that_goes_are_final_once_it_is_settled(hub):
    hub.fault = Fault(rate=100_000)
    with httpx2.stream("GET", f"{hub.url}/{MODEL}/resolve/main/{WEIGHTS}", follow_redirects=True) as answer:
        next(answer.iter_raw())
        with pytest.raises(TimeoutError, match="still sending 1 files"):
            hub.settle(0.01)
    hub.settle()
    sent = hub.sent()
    time.sleep(0.2)
    assert 0 < hub.sent() == sent < 300_000
