"""What the hub says of a model, and what its refusals are called."""

import pytest
from huggingface_hub.hf_api import RepoSibling

from hooks.jobs.volume import hub as asked
from hooks.jobs.volume.errors import DownloadError, TransientError
from tests.hooks.jobs.volume.here import MODEL
from tests.hub import Fault


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


@pytest.mark.parametrize(
    ("sibling", "said"),
    [
        (RepoSibling("../../escape", 1, "0" * 40), "not a valid path of a file"),
        (RepoSibling("/etc/passwd", 1, "0" * 40), "not a valid path of a file"),
        (RepoSibling("config.json", None, "0" * 40), "no verification"),
        (RepoSibling("config.json", 1, None), "no verification"),
        (RepoSibling("config.json", 1, "../../escape"), "no verification"),
    ],
)
def test_listings_that_are_not_believed(here, monkeypatch, sibling, said):
    info = type("Info", (), {"sha": "0" * 40, "siblings": [sibling]})
    monkeypatch.setattr(asked.HfApi, "model_info", lambda *_, **__: info)
    error = refused(here)
    assert error.reason == "Corrupt"
    assert said in error.message


@pytest.mark.parametrize("info", [{"sha": None, "siblings": []}, {"sha": "main"}, {}])
def test_a_server_that_is_no_hub(here, monkeypatch, info):
    monkeypatch.setattr(asked.HfApi, "model_info", lambda *_, **__: type("Info", (), info))
    assert refused(here).reason == "Network"


def test_the_pause_that_a_response_requests():
    assert asked.retry_after({"Retry-After": "7"}) == 7
    assert asked.retry_after({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}) is None
    assert asked.retry_after({}) is None
    limits = {"RateLimit": '"api";r=0;t=55', "Retry-After": "7"}
    assert asked.retry_after(limits) == 55
    assert asked.retry_after({**limits, "RateLimit": '"api";r=3;t=55'}) == 7


def test_every_reason_of_a_refusal_has_a_sentence(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    hub = asked.HubClient("https://hub.example/", MODEL, "main")
    for _, reason, sentence in asked.ERROR_RULES:
        assert DownloadError(reason, sentence.format(hub=hub, advice=asked.TOKEN_ADVICE)).message.count("{") == 0
    assert isinstance(hub.refusal(503, {}), TransientError)
