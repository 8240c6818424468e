"""The hub of the tests, asked by the real huggingface_hub and by hand."""

import hashlib
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder

from tests.hub import Hub
from tests.hub.sample import FILES, MODEL, WEIGHTS


def fetched(hub, folder, **asked):
    return Path(snapshot_download(asked.pop("model", MODEL), cache_dir=folder, endpoint=hub.url, token=False, **asked))


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


@pytest.mark.parametrize("revision", ["main", None, "v1", "refs/pr/1"])
def test_info_of_a_revision(hub, model, api, revision):
    found = api.model_info(MODEL, revision=revision, files_metadata=True)
    commit = model.revisions[revision or "main"]
    assert found.sha == commit
    assert {one.rfilename: one.size for one in found.siblings} == {
        path: file.size for path, file in model.commits[commit].items()
    }
    assert {one.rfilename: one.lfs.sha256 for one in found.siblings if one.lfs} == {
        path: file.sha256 for path, file in model.commits[commit].items() if file.sha256
    }
    assert api.model_info(MODEL, revision=commit).siblings[0].size is None
    assert [one.authorised for one in hub.requests] == [False, False]


@pytest.mark.parametrize("page", [1000, 2])
def test_a_tree_in_pages(hub, model, api, page):
    hub.page = page
    found = list(api.list_repo_tree(MODEL, recursive=True))
    assert {
        one.path: (one.size, one.blob_id, one.lfs and one.lfs.sha256) for one in found if type(one) is RepoFile
    } == {path: (file.size, file.oid, file.sha256) for path, file in model.files.items()}
    assert [one.path for one in found if isinstance(one, RepoFolder)] == ["original", "original/deep"]
    assert len(hub.requests) == -(-8 // page)


def test_a_tree_of_one_folder(model, api):
    assert [one.path for one in api.list_repo_tree(MODEL, "original", revision=model.commit)] == [
        "original/deep",
        "original/params.json",
    ]
    assert "original/deep/consolidated.bin" not in {one.path for one in api.list_repo_tree(MODEL)}
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(MODEL, "nowhere"))


def test_a_next_commit(hub, model, api):
    before = model.commit
    hub.add(MODEL, {"config.json": b"new"})
    assert api.model_info(MODEL).sha == model.commit != before
    assert api.model_info(MODEL, revision=before).sha == before


def test_the_token_goes_to_the_hub_and_never_to_the_second_host(hub, tmp_path):
    hub.add(MODEL, FILES, gated=True)
    hub.tokens["secret"] = {MODEL}
    snapshot_download(MODEL, cache_dir=tmp_path, endpoint=hub.url, token="secret")  # noqa: S106
    assert {one.authorised for one in hub.requests if one.host == "hub"} == {True}
    assert [one.authorised for one in hub.requests if one.host == "cdn"] == [False] * 4


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
def test_a_file_without_access_is_refused(hub, tmp_path, kind, token, refusal):
    hub.add(MODEL, FILES, gated=kind == "gated", private=kind == "private")
    hub.tokens["stranger"] = set()
    with pytest.raises(HfHubHTTPError) as caught:
        hf_hub_download(MODEL, "config.json", cache_dir=tmp_path, endpoint=hub.url, token=token)
    assert (type(caught.value), caught.value.response.status_code) == refusal
    assert hub.sent() == 0


def test_metadata_of_a_gated_model_is_for_all(hub, api):
    hub.add(MODEL, FILES, gated=True)
    assert api.model_info(MODEL).gated == "manual"


@pytest.mark.parametrize(("token", "status"), [(False, 401), ("known", 404)])
def test_no_such_model(hub, token, status):
    hub.tokens["known"] = set()
    with pytest.raises(RepositoryNotFoundError) as caught:
        HfApi(hub.url, token=token).model_info("acme/none")
    assert caught.value.response.status_code == status


def test_no_such_revision(hub, model, api, tmp_path):
    with pytest.raises(RevisionNotFoundError):
        api.model_info(MODEL, revision="v2")
    with pytest.raises(RevisionNotFoundError):
        fetched(hub, tmp_path, revision="v2")
    del model.revisions["v1"]
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(MODEL, "config.json", revision="v1", cache_dir=tmp_path, endpoint=hub.url, token=False)


@pytest.mark.usefixtures("model")
def test_no_such_file(hub, tmp_path):
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(MODEL, "none.json", cache_dir=tmp_path, endpoint=hub.url, token=False)


@pytest.mark.parametrize("path", [WEIGHTS, "config.json"])
@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=7-", slice(7, None)),
        ("bytes=0-0", slice(0, 1)),
        ("bytes=5-9", slice(5, 10)),
        ("bytes=-4", slice(-4, None)),
        ("bytes=9-999999", slice(9, None)),
    ],
)
def test_ranges(model, got, path, asked, part):
    answer, data = got(path, Range=asked), model.files[path].data()
    assert (answer.status_code, answer.content) == (206, data[part])
    first, last, size = part.indices(len(data))[0], part.indices(len(data))[1] - 1, len(data)
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"


@pytest.mark.usefixtures("model")
def test_of_a_range_only_its_bytes_are_sent(hub, got):
    got(Range="bytes=100000-")
    assert hub.sent_of(WEIGHTS) == 200_000
    assert hub.requests[-1].range == "bytes=100000-"


def test_a_range_behind_the_end(hub, model, got):
    answer = got(Range=f"bytes={model.files[WEIGHTS].size}-")
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */300000")
    assert hub.sent() == 0


@pytest.mark.usefixtures("model")
def test_a_range_of_what_was_another_file_is_all_of_the_new_one(got):
    etag = got().headers["ETag"]
    assert got(Range="bytes=7-", **{"If-Range": etag}).status_code == 206
    answer = got(Range="bytes=7-", **{"If-Range": '"other"'})
    assert (answer.status_code, len(answer.content)) == (200, 300_000)


@pytest.mark.usefixtures("model")
def test_the_hub_as_a_proxy_to_itself(hub):
    with httpx2.Client(proxy=hub.url, follow_redirects=True) as client:
        assert len(client.get(f"http://hub.example/{MODEL}/resolve/main/{WEIGHTS}").content) == 300_000
    assert [(one.host, one.proxied) for one in hub.requests] == [("hub", True), ("cdn", True)]


@pytest.mark.usefixtures("model")
def test_two_hubs_at_once(hub):
    with Hub() as other:
        assert other.url != hub.url
        with pytest.raises(RepositoryNotFoundError):
            HfApi(other.url, token=False).model_info(MODEL)
