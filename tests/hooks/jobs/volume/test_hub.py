"""What the hub says of a model, and what its refusals are called."""

import io
import itertools

import pytest
from urllib3 import HTTPResponse

from aimlib.hub_url import parse_hub
from hooks.jobs.volume import hub as asked
from hooks.jobs.volume import hub_tree
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.http_client import FileResponse
from tests.hooks.jobs.volume.here import FILES, MODEL
from tests.hub import Fault

HUB = parse_hub("https://hub.example")


def refused(here, **changes):
    with pytest.raises(DownloadError) as error:
        here.download(**changes)
    return error.value


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "TokenMissing"), (403, "TokenMissing"), (404, "NotFound"), (410, "NotFound"), (418, "Network")],
)
def test_a_server_that_returns_only_a_status(here, status, reason):
    here.hub.fault = Fault(status=status, on="api")
    assert refused(here).reason == reason
    assert len(here.hub.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(here, status):
    here.hub.fault = Fault(status=status, on="all", times=2)
    assert here.download()
    here.hub.fault = Fault(status=status, on="api")
    error = refused(here, revision="v1")
    assert error.reason == "Network"
    assert f"{here.hub.url} returned {status}" in error.message
    assert error.message.endswith("gave up after 3 attempts")


def test_a_web_page_in_place_of_the_list_is_named_as_one(here):
    here.hub.fault = Fault(status=200, headers={"Content-Type": "text/html"}, on="api")
    assert f"{here.hub.url} sent a web page instead of the list of files of {MODEL}" in refused(here).message


@pytest.mark.parametrize(("endpoint", "said"), [("nonsense", "cannot be reached"), ("http://[", "cannot be reached")])
def test_an_invalid_url(here, monkeypatch, endpoint, said):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    error = refused(here)
    assert error.reason == "Network"
    assert said in error.message


def test_a_file_that_the_hub_has_lost(here):
    here.hub.fault = Fault(status=404, headers={"X-Error-Code": "EntryNotFound"}, path="config.json")
    error = refused(here)
    assert error.reason == "Network"
    assert "returned 404" in error.message


def test_a_second_host_that_refuses(here):
    here.hub.fault = Fault(status=403, on="cdn")
    error = refused(here)
    assert error.reason == "Network"
    assert "returned 403" in error.message


SHA, LFS = "0" * 40, "1" * 64


def listed(path="config.json", size=1, sha=SHA, **more):
    """A file as the hub lists it."""
    return {"rfilename": path, "size": size, "blobId": sha, **more}


@pytest.mark.parametrize(
    "sibling",
    [
        *(listed(path) for path in ("../../escape", "/etc/passwd", "a//b", "a/./b", "a/..", "", ".", "a/", "a\\b", 7)),
        *(listed(path) for path in ("a\x00b", "a\x1b[31mb", "a\nb", "a\u202eb", "a\ud800b", "a" * 256, "a/" * 600)),
        *(listed(size=size) for size in (None, -1, 1.5, True, "1", 2**53 + 1, float("nan"), float("inf"))),
        *(listed(sha=sha) for sha in (None, "../../escape", "0" * 39, "0" * 40 + "\n", "G" * 40, 0)),
        listed(lfs={"size": -1, "sha256": LFS}),
        listed(lfs={"size": 1, "sha256": "1"}),
        listed(lfs={}),
        None,
        [],
        "config.json",
    ],
    ids=lambda sibling: repr(sibling)[:60],
)
def test_a_listed_file_that_cannot_be_verified_or_is_outside_of_the_cache(here, monkeypatch, sibling):
    monkeypatch.setattr(asked, "read_json", lambda _: {"sha": SHA, "siblings": [listed("right"), sibling]})
    error = refused(here)
    assert error.reason == "Corrupt"
    assert "which cannot be verified" in error.message
    assert error.message.isprintable()
    assert len(error.message) < 2000
    assert not here.repo.path.exists()


@pytest.mark.parametrize("page", [3, 1000])
def test_a_mirror_that_lists_names_alone_has_the_rest_in_its_tree(here, monkeypatch, page):
    """As olah does for what it mirrors itself (src/olah/mirror/repos.py of vtuber-plan/olah, get_meta and get_tree)."""
    here.hub.add(MODEL, FILES, gated=True)
    here.hub.tokens["secret"] = {MODEL}
    monkeypatch.setenv("HF_TOKEN", "secret")
    here.hub.bare, here.hub.page = True, page
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert all(one.authorised for one in here.hub.requests if one.host == "hub")


def test_a_mirror_without_a_tree_is_named(here):
    here.hub.bare = True
    here.hub.fault = Fault(status=404, on="api", path="*/tree/*")
    error = refused(here)
    assert error.reason == "Corrupt"
    assert f"{here.hub.url} lists the files of {MODEL} without sizes and hashes" in error.message
    here.hub.fault = Fault(status=401, on="api", path="*/tree/*")
    assert refused(here).reason == "TokenMissing"


@pytest.mark.parametrize("rows", [{"error": "no"}, None, "tree"], ids=repr)
def test_a_tree_that_is_none(here, monkeypatch, rows):
    answers = itertools.cycle([{"sha": here.model.commit, "siblings": [{"rfilename": "a"}]}, rows])
    monkeypatch.setattr(asked, "read_json", lambda _: next(answers))
    here.hub.bare = True
    assert "does not respond like a hub" in refused(here).message


def test_a_tree_without_end_is_ended(here, monkeypatch):
    monkeypatch.setattr(hub_tree, "TREE_PAGES", 2)
    here.hub.bare, here.hub.page = True, 1
    assert f"lists more than 2 pages of files of {MODEL}" in refused(here).message


def test_rows_of_a_tree_that_are_no_files_count_for_none():
    rows = [None, 7, [], {}, {"type": "directory", "path": "a"}, {"type": "file", "path": "b", "lfs": 7}]
    assert [*hub_tree.siblings(rows)] == [{"rfilename": "b", "size": None, "blobId": None}]
    assert hub_tree.next_query({"Link": '<https://a/b?c=d>; rel="prev", <https://a/b?c=e>; rel="next"'}) == "c=e"
    assert hub_tree.next_query({"Link": "<https://a/b?c d>; rel=next"}) is None


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b/c", "a/b")], ids=str)
def test_two_files_at_one_place(here, monkeypatch, paths):
    monkeypatch.setattr(asked, "read_json", lambda _: {"sha": SHA, "siblings": [listed(path) for path in paths]})
    error = refused(here)
    assert error.reason == "Corrupt"
    assert "twice, or as file and folder" in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"{}",
        b'{"sha": null, "siblings": []}',
        b'{"sha": "main", "siblings": []}',
        b'{"sha": "%s", "siblings": 7}' % SHA.encode(),
        b'{"sha": "%s", "siblings": {"a": 1}}' % SHA.encode(),
        b"[" * 1_000_000,
        b'{"sha":' * 100_000,
        b'{"sha": ' + b"1" * 10_000 + b"}",
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
def test_a_server_that_is_no_hub(here, monkeypatch, body):
    made = io.BytesIO(body)
    response = HTTPResponse(made, preload_content=False, status=200)
    monkeypatch.setattr(
        asked.FileClient, "get", lambda *_: FileResponse(response, HUB, from_hub=True, with_token=False)
    )
    error = refused(here)
    assert error.reason == "Network"
    assert "does not respond like a hub" in error.message or "returned no commit" in error.message


def test_a_listing_has_a_bound(here, monkeypatch):
    monkeypatch.setattr(asked, "MAX_LISTING", 100)
    assert "does not respond like a hub" in refused(here).message


def test_the_hubs_own_words_are_bounded_and_control_nothing(here):
    words = "\x1b]0;title\x07" + "no " * 5000
    here.hub.fault = Fault(status=418, on="api", headers={"X-Error-Message": words})
    error = refused(here)
    assert error.message.isprintable()
    assert len(error.message) < 1000


def test_the_pause_that_a_response_requests():
    assert asked.retry_after({"Retry-After": "7"}) == 7
    assert asked.retry_after({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}) is None
    assert asked.retry_after({}) is None
    for odd in ({"Retry-After": "9" * 5000}, {"RateLimit": f'"api";r=0;t={"9" * 5000}'}, {"Retry-After": "\u00b2"}):
        assert asked.retry_after(odd) in {None, float("inf")}
    limits = {"RateLimit": '"api";r=0;t=55', "Retry-After": "7"}
    assert asked.retry_after(limits) == 55
    assert asked.retry_after({**limits, "RateLimit": '"api";r=3;t=55'}) == 7


def test_every_reason_of_a_refusal_has_a_sentence(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    hub = asked.HubClient("https://hub.example/", MODEL, "main")
    for _, reason, sentence in asked.ERROR_RULES:
        text = sentence.format(hub=hub, by=hub.endpoint, advice=asked.TOKEN_ADVICE)
        assert DownloadError(reason, text).message.count("{") == 0


ELSEWHERE = {
    "401 and a token": (
        401,
        True,
        "TokenNotAllowed",
        "without a token, and the one for {hub} is not sent there",
    ),
    "401 without a token": (
        401,
        False,
        "TokenMissing",
        "and there is none: use a hub that serves it",
    ),
    "403 and a token": (403, True, "Network", "returned 403; the token for {hub} is not sent there; gave up"),
    "403 without a token": (403, False, "Network", "returned 403; gave up"),
}


@pytest.mark.parametrize("case", ELSEWHERE)
@pytest.mark.parametrize("signed", [False, True])
def test_a_host_that_is_redirected_to_is_named_with_whose_token_it_did_not_get(here, monkeypatch, case, signed):
    status, token, reason, sentence = ELSEWHERE[case]
    if token:
        monkeypatch.setenv("HF_TOKEN", "known")
        here.hub.tokens["known"] = set()
    place = f"{here.hub.cdn}/repos/{MODEL}/{'0' * 40}/00" + "?Signature=secret" * signed
    weights = "model-0000*"
    here.hub.fault = (Fault(path=weights, status=302, headers={"Location": place}), Fault(on="cdn", status=status))
    error = refused(here, workers=1)
    if signed:
        reason, sentence = "Network", f"redirects for model-00001-of-00002.safetensors, returned {status}; gave up"
    assert error.reason == reason
    assert sentence.format(hub=here.hub.url) in error.message
    assert f"{here.hub.cdn}" in error.message
    assert "/repos" not in error.message
    assert "secret" not in error.message


@pytest.mark.parametrize(("token", "reason"), [(True, "TokenNotAllowed"), (False, "TokenMissing")])
def test_a_gated_model_at_the_hub_that_a_mirror_redirects_to(here, monkeypatch, token, reason):
    if token:
        monkeypatch.setenv("HF_TOKEN", "known")
        here.hub.tokens["known"] = {MODEL}
    place = f"{here.hub.cdn}/repos/{MODEL}/{'0' * 40}/00"
    gated = Fault(on="cdn", status=401, headers={"X-Error-Code": "GatedRepo"})
    here.hub.fault = (Fault(on="api", status=307, headers={"Location": place}), gated)
    error = refused(here)
    assert error.reason == reason
    assert f"{here.hub.cdn} (to which {here.hub.url} redirects)" in error.message
