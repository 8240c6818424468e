"""What can go wrong with a download: how it ends, what it says last, and that nothing half counts as there."""

import time
from typing import NamedTuple

import pytest
from huggingface_hub import constants

from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from hooks.jobs.volume.errors import DownloadError
from tests.hooks.cli.commandline import aim
from tests.hooks.jobs.volume.here import FILES, KEPT, MODEL, QUICK
from tests.hub import Fault

WEIGHTS = "model-00001-of-00002.safetensors"
AT_ONCE = {"Retry-After": "0"}
"""Spares the tests the pauses between tries."""
LATER = {"Retry-After": "9"}


@pytest.fixture
def termination(tmp_path, monkeypatch):
    """The file of the termination message, which Kubernetes shows."""
    monkeypatch.setenv("AIM_TERMINATION_LOG", str(tmp_path / "termination"))
    return tmp_path / "termination"


def failed(here, termination, reason, sentence, *words):
    """Whether `aim cache download` fails for that reason, with a sentence where Kubernetes finds it, and is not ready.

    Returns the sentence.
    """
    done = aim("cache", "download", here.root, *words)
    message = termination.read_text()
    assert done.exit_code == DOWNLOAD_OUTCOMES[reason].code
    assert sentence in message
    assert done.stderr.endswith(f"Error: {message}\n")
    assert not here.volume.index_file.exists()
    return message


class Refusal(NamedTuple):
    """A download that the hub refuses for good."""

    reason: str
    sentence: str
    model: str = MODEL
    revision: str = "main"
    kind: str = "public"
    user: str | None = None
    """Whose token is given."""


REFUSALS = {
    "no such model": Refusal("NotFound", "has no model acme/none, or it is private and there is no token", "acme/none"),
    "no such model for a token": Refusal(
        "NotFound", "or does not show it to this token: correct the id, or", "acme/none", user="known"
    ),
    "private without token": Refusal("NotFound", "or it is private and there is no token", kind="private"),
    "private for this token": Refusal("NotFound", "(message: Repository not found)", kind="private", user="known"),
    "gated without token": Refusal("TokenMissing", "is gated, and there is no token", kind="gated"),
    "gated without access": Refusal("Gated", "you are not in the authorized list", kind="gated", user="known"),
    "wrong token": Refusal("TokenInvalid", "Invalid credentials in Authorization header", user="wrong"),
    "wrong token, gated": Refusal("TokenInvalid", "does not accept the token", kind="gated", user="wrong"),
    "revision gone": Refusal("RevisionNotFound", "has no revision v9", revision="v9"),
    "commit gone": Refusal("RevisionNotFound", f"has no revision {'0' * 40}", revision="0" * 40),
    "no model id": Refusal("NotFound", "'one/two/three' is not a model id such as Qwen/Qwen3-32B", "one/two/three"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_a_retry_cannot_mend_is_said_in_a_sentence(here, termination, monkeypatch, case):
    asked = REFUSALS[case]
    here.hub.add(MODEL, FILES, private=asked.kind == "private", gated=asked.kind == "gated")
    here.hub.tokens["known"] = set()
    if asked.user:
        monkeypatch.setenv("HF_TOKEN", asked.user)
    words = ("--model", asked.model, "--revision", asked.revision)
    message = failed(here, termination, asked.reason, asked.sentence, *words)
    assert not DOWNLOAD_OUTCOMES[asked.reason].retried
    assert here.hub.sent() == 0
    assert "wrong" not in message, "no token in what everybody may read"


HEALED = {
    "429 with Retry-After at the API": (Fault(on="api", status=429, times=2, headers=LATER), 0),
    "429 with Retry-After at the files": (Fault(status=429, times=2, headers=LATER), 0),
    "429 with Retry-After at the second host": (Fault(on="cdn", status=429, times=2, headers=LATER), 0),
    "a file that is not there for a moment": (
        Fault(path=WEIGHTS, status=404, times=1, headers={**AT_ONCE, "X-Error-Code": "EntryNotFound"}),
        0,
    ),
    "bodies cut": (Fault(path="*.safetensors", cut=True, after=900_000, times=5), 0),
    "a body cut at once": (Fault(path=WEIGHTS, cut=True, times=1), 0),
    "an answer of the API cut": (Fault(on="api", cut=True, after=100, times=1), 0),
    "a connection reset": (Fault(path=WEIGHTS, reset=True, after=900_000, times=1), 900_000),
    "links that have expired": (Fault(expiry=-1, times=2), 0),
    "a stall": (Fault(path=WEIGHTS, stall=30, after=900_000, times=1), 0),
    "slow": (Fault(rate=8_000_000), 0),
}


@pytest.mark.parametrize("case", HEALED)
def test_what_passes_is_waited_for_and_no_byte_comes_twice(here, monkeypatch, case):
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.5)
    fault, again = HEALED[case]
    here.hub.fault = Fault(**vars(fault))
    began = time.monotonic()
    here.download()
    assert time.monotonic() - began > (QUICK.max_retry_after if fault.headers is LATER else 0)
    assert here.files(here.model.commit) == here.expected()
    assert 0 <= here.hub.sent() - KEPT <= again
    assert fault.times is None or here.hub.fault[0].times == 0
    assert here.blobs().keys() == {file.etag for path, file in here.model.files.items() if "original" not in path}


FOR_EVER = {
    "502 at the files": (Fault(status=502, headers=AT_ONCE), "Network", "returned 502"),
    "contents wrong": (
        Fault(path=WEIGHTS, corrupt=True),
        "Corrupt",
        f"{WEIGHTS} of {MODEL} is corrupt after two downloads",
    ),
}


@pytest.mark.parametrize("case", FOR_EVER)
def test_what_does_not_pass_is_given_up_and_may_be_tried_again(here, termination, case):
    fault, reason, sentence = FOR_EVER[case]
    here.hub.fault = fault
    failed(here, termination, reason, sentence, "--model", MODEL)
    assert DOWNLOAD_OUTCOMES[reason].retried
    here.hub.fault, sent, there = None, here.hub.sent(), sum(here.blobs().values())
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent() - sent == KEPT - there


ENDLESS = {
    "bodies cut at once": (Fault(path=WEIGHTS, cut=True), WEIGHTS),
    "bodies reset": (Fault(path=WEIGHTS, reset=True), WEIGHTS),
    "the API cut": (Fault(on="api", cut=True, after=10), "cannot be reached"),
    "away": (None, "cannot be reached"),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_a_way_that_stays_broken_is_given_up(here, case):
    here.hub.fault, named = ENDLESS[case]
    if case == "away":
        here.hub.stop()
    with pytest.raises(DownloadError, match="gave up after 3 attempts") as caught:
        here.download()
    assert caught.value.reason == "Network"
    assert named in caught.value.message
    assert not here.volume.index_file.exists()
    if case == "away":
        assert here.hub.url in caught.value.message
        here.hub.start()
    here.hub.fault = None
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent() == KEPT


def test_another_hub_that_a_mirror_redirects_to_is_taken_at_its_word(here):
    headers = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted", **AT_ONCE}
    here.hub.fault = Fault(on="cdn", status=401, headers=headers)
    with pytest.raises(DownloadError, match=r"is gated, and there is no token.*Access is restricted") as caught:
        here.download()
    assert caught.value.reason == "TokenMissing"


def test_a_model_that_the_hub_has_disabled_is_not_blamed_on_the_token(here):
    here.hub.fault = Fault(on="api", status=403, headers={"X-Error-Message": "Access to this resource is disabled."})
    with pytest.raises(DownloadError, match="has disabled acme/") as caught:
        here.download()
    assert caught.value.reason == "NotFound"


def test_a_revision_that_goes_while_a_download_is_half_done(here):
    model = here.hub.add(MODEL, FILES, revisions={"v1": FILES})
    here.hub.fault = (Fault(on="cdn", cut=True, after=1_000_000, times=1), Fault(on="cdn", reset=True))
    with pytest.raises(DownloadError, match="gave up"):
        here.download(revision="v1", workers=1)
    here.hub.fault = None
    del model.revisions["v1"]
    with pytest.raises(DownloadError, match="has no revision v1"):
        here.download(revision="v1")
    there = sum(here.blobs().values())
    assert there >= 1_000_000
    sent = here.hub.sent()
    here.download()
    assert here.files(here.model.commit) == here.expected()
    assert here.hub.sent() - sent == KEPT - there
