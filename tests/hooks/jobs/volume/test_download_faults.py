"""What can go wrong with a download: how its process ends, what it says last, and that nothing half counts as there."""

import itertools
import signal
import time

import pytest

from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from hooks.jobs.volume.download import DownloadContext, download_model
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.report import ConsoleReporter
from hooks.jobs.volume.request import DownloadRequest
from hooks.jobs.volume.retry import RetryPolicy
from tests.hooks.jobs.volume.downloads import FILES, MODEL, WEIGHTS
from tests.hub import Fault

AT_ONCE = {"Retry-After": "0"}
"""Spares the tests the pauses between tries."""


def failed(mount, ended, reason, *words):
    """Whether it failed for that reason, with a sentence where Kubernetes finds it, and called nothing ready."""
    assert ended.code == DOWNLOAD_OUTCOMES[reason].code, ended
    for word in words:
        assert word in ended.message, ended
    assert f"Error: {ended.message}" in ended.output
    assert "Traceback" not in ended.output
    assert mount.ready == {}
    return True


REFUSALS = {
    "no such model": ({}, {"model": "acme/none"}, "NotFound", "has no model acme/none"),
    "no such model for a token": (
        {},
        {"model": "acme/none", "token": "known"},
        "NotFound",
        "or does not show it to this",
    ),
    "private without token": ({"private": True}, {}, "NotFound", "or it is private and there is no token"),
    "private for this token": ({"private": True}, {"token": "known"}, "NotFound", "does not show it to this token"),
    "gated without token": ({"gated": True}, {}, "TokenMissing", "is gated, and there is no token"),
    "gated without access": ({"gated": True}, {"token": "known"}, "Gated", "the token's owner has no access"),
    "wrong token": ({}, {"token": "wrong"}, "TokenInvalid", "does not accept the token"),
    "wrong token, gated": ({"gated": True}, {"token": "wrong"}, "TokenInvalid", "does not accept the token"),
    "revision gone": ({}, {"revision": "v1"}, "RevisionNotFound", "has no revision v1"),
    "commit gone": ({}, {"revision": "0" * 40}, "RevisionNotFound", f"has no revision {'0' * 40}"),
    "no model id": ({}, {"model": "acme/some/model"}, "NotFound", "'acme/some/model' is not a model id"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_permanent_failure_is_reported_with_a_message(hub, mount, case):
    kind, asked, reason, sentence = REFUSALS[case]
    hub.add(MODEL, FILES, **kind)
    hub.tokens["known"] = set()
    environment = {"HF_TOKEN": asked["token"]} if "token" in asked else {}
    words = ("--revision", asked["revision"]) if "revision" in asked else ()
    ended = mount.download(asked.get("model", MODEL), *words, **environment)
    assert failed(mount, ended, reason, sentence)
    assert not DOWNLOAD_OUTCOMES[reason].retried
    assert hub.sent() == 0
    assert "wrong" not in ended.message.replace("some/wrong", "")  # no token in what everybody may read


def test_a_revision_that_goes_while_a_download_is_half_done(hub, mount):
    model = hub.add(MODEL, FILES, revisions={"v1": FILES})
    hub.fault = Fault(rate=1_000_000)  # what is sent has arrived
    mount.killed(1_000_000, MODEL, "--revision", "v1")
    del model.revisions["v1"]
    assert failed(mount, mount.download(MODEL, "--revision", "v1"), "RevisionNotFound", "has no revision v1")
    sent = hub.sent()
    mount.fill(MODEL)
    assert mount.holds(model)
    assert hub.sent() - sent < model.total - 400_000


def test_a_token_with_access_reads_a_gated_model_and_stays_at_the_hub(hub, mount):
    model = hub.add(MODEL, FILES, gated=True)
    hub.tokens["secret"] = {MODEL}
    ended = mount.download(MODEL, HF_TOKEN="secret")  # noqa: S106
    assert (ended.code, ended.message) == (0, "")
    assert mount.holds(model)
    assert {one.authorised for one in hub.requests if one.host == "hub"} == {True}
    assert {one.authorised for one in hub.requests if one.host == "cdn"} == {False}
    assert "secret" not in ended.output


HEALED = {
    "429 with Retry-After at the API": (Fault(on="api", status=429, times=2, headers={"Retry-After": "1"}), 0),
    "429 with Retry-After at the files": (Fault(status=429, times=2, headers={"Retry-After": "1"}), 0),
    "429 at the second host": (Fault(on="cdn", status=429, times=2, headers={"Retry-After": "1"}), 0),
    "500 for a while": (Fault(on="all", status=500, times=3, headers=AT_ONCE), 0),
    "503 for a while": (Fault(on="api", status=503, times=4, headers=AT_ONCE), 0),
    "a file that is not there for a moment": (
        Fault(path=WEIGHTS, status=404, times=1, headers={**AT_ONCE, "X-Error-Code": "EntryNotFound"}),
        0,
    ),
    "bodies cut": (Fault(path="*.safetensors", cut=True, after=900_000, times=5), 0),
    "a body cut at once": (Fault(path=WEIGHTS, cut=True, times=1), 0),
    "an answer of the API cut": (Fault(on="api", cut=True, after=100, times=1), 0),
    "a connection reset": (Fault(path=WEIGHTS, reset=True, after=900_000, times=1), 900_000),
    "contents wrong once": (Fault(path=WEIGHTS, corrupt=True, times=1), 3_000_000),
    "links that have expired": (Fault(expiry=-1, times=2), 0),
    "a stall": (Fault(path=WEIGHTS, stall=30, after=900_000, times=1), 0),
    "slow": (Fault(rate=2_000_000), 0),
}


@pytest.mark.parametrize("case", HEALED)
def test_what_passes_is_waited_for_and_no_byte_comes_twice(hub, mount, model, case):
    fault, again = HEALED[case]
    hub.fault = Fault(**vars(fault))
    began = time.monotonic()
    ended = mount.download(MODEL, **({"HF_HUB_DOWNLOAD_TIMEOUT": "2"} if fault.stall else {}))
    assert (ended.code, ended.message) == (0, ""), ended
    assert mount.holds(model)
    assert 0 <= hub.sent() - model.total <= again
    assert fault.times is None or hub.fault[0].times == 0
    assert time.monotonic() - began > int(fault.headers.get("Retry-After", "0"))
    assert set(mount.blobs(MODEL)) == {file.etag for file in model.files.values()}


def test_a_server_that_knows_no_ranges_is_read_from_the_start(hub, mount, model):
    hub.fault = [
        Fault(path=WEIGHTS, cut=True, after=900_000, times=1),
        Fault(path=WEIGHTS, corrupt=False, whole=True),
    ]
    assert mount.download(MODEL).code == 0
    assert mount.holds(model)
    assert hub.sent() == model.total + 900_000


FOR_EVER = {
    "503 at the API": (Fault(on="api", status=503, headers=AT_ONCE), "Network", "returned 503"),
    "502 at the files": (Fault(status=502, headers=AT_ONCE), "Network", "returned 502"),
    "429 at the API": (Fault(on="api", status=429, headers=AT_ONCE), "Network", "returned 429"),
    "contents wrong": (
        Fault(path=WEIGHTS, corrupt=True),
        "Corrupt",
        f"{WEIGHTS} of {MODEL} is corrupt after two downloads",
    ),
}


@pytest.mark.parametrize("case", FOR_EVER)
def test_what_does_not_pass_is_given_up_and_may_be_tried_again(hub, mount, model, case):
    fault, reason, sentence = FOR_EVER[case]
    hub.fault = fault
    assert failed(mount, mount.download(MODEL), reason, sentence)
    assert DOWNLOAD_OUTCOMES[reason].retried
    hub.fault, sent, there = None, hub.sent(), sum(mount.blobs(MODEL).values())
    mount.fill(MODEL)
    assert mount.holds(model)
    assert hub.sent() - sent == model.total - there


ENDLESS = {
    "bodies cut at once": Fault(path=WEIGHTS, cut=True),
    "bodies reset": Fault(path=WEIGHTS, reset=True),
    "the API cut": Fault(on="api", cut=True, after=10),
}


@pytest.mark.parametrize("case", [*ENDLESS, "away"])
def test_a_way_that_stays_broken_is_given_up(hub, mount, model, case):
    if case == "away":
        hub.stop()
    else:
        hub.fault = ENDLESS[case]
    by = DownloadContext(ConsoleReporter(print), print, retry_policy=RetryPolicy(attempts=3, first_pause=0.01))
    with pytest.raises(DownloadError, match="gave up after 3 attempts") as caught:
        download_model(DownloadRequest(mount.root, MODEL), by)
    assert caught.value.reason == "Network"
    assert mount.ready == {}
    if case == "away":
        assert hub.url in caught.value.message
        hub.start()
    hub.fault = None
    mount.fill(MODEL)
    assert mount.holds(model)
    assert hub.sent() == model.total


def test_a_hub_that_goes_in_the_middle_and_comes_back(hub, mount, model):
    hub.fault = Fault(rate=3_000_000)
    process = mount.begin(MODEL)
    while hub.sent() < 1_000_000:
        time.sleep(0.01)
    hub.stop()
    time.sleep(0.5)
    hub.fault = None
    hub.start()
    assert mount.end(process).code == 0
    assert mount.holds(model)


@pytest.mark.parametrize("fault", [Fault(rate=200_000), Fault(stall=60, after=100_000)], ids=["slow", "stalled"])
def test_a_stopped_download_ends_and_the_next_one_continues(hub, mount, model, fault):
    hub.fault = fault
    process = mount.begin(MODEL)
    while hub.sent() < 200_000:
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert failed(mount, mount.end(process), "Interrupted", "was stopped; received bytes are kept")
    assert time.monotonic() - began < 10
    hub.fault = None
    assert mount.download(MODEL).code == 0
    assert mount.holds(model)
    assert hub.sent() - model.total < 100_000


def test_offline_a_model_is_on_the_volume_or_reported_missing(hub, mount, model):
    assert failed(mount, mount.download(MODEL, "--offline"), "NotOnVolume", "offline nothing is downloaded")
    assert failed(mount, mount.download(MODEL, HF_HUB_OFFLINE="1"), "NotOnVolume", MODEL)
    assert hub.requests == []
    assert mount.download(MODEL).code == 0
    asked = len(hub.requests)
    hub.stop()
    assert mount.download(MODEL, "--offline").code == 0
    assert mount.download(MODEL, HF_HUB_OFFLINE="1").code == 0
    assert mount.holds(model)
    hub.start()
    assert len(hub.requests) == asked


def test_through_a_proxy(hub, mount, model):
    ended = mount.download(MODEL, HF_ENDPOINT="http://mirror.example", HTTP_PROXY=hub.url, http_proxy=hub.url)
    assert ended.code == 0, ended
    assert mount.holds(model)
    assert {one.proxied for one in hub.requests} == {True}
    assert {one.host for one in hub.requests} == {"hub", "cdn"}


def test_models_that_come_at_once_are_all_in_the_index(hub, mount):
    models = [hub.add(f"acme/model-{number}", {"config.json": b"{}", "a.bin": 200_000 + number}) for number in range(4)]
    processes = [mount.begin(model.id) for model in models]
    assert [mount.end(one).code for one in processes] == [0] * 4
    assert all(mount.holds(model) for model in models)
    assert hub.sent() == sum(model.total for model in models)


def test_two_revisions_with_a_file_in_common_have_it_once(hub, mount):
    model = hub.add(MODEL, FILES, revisions={"v1": {**FILES, "config.json": b"{}"}})
    mount.fill(MODEL, "v1")
    mount.fill(MODEL)
    assert mount.holds(model)
    assert mount.holds(model, "v1")
    assert hub.sent() == model.total + 2


def test_every_final_reason_of_a_hub_is_tried_here():
    told = {reason for _, _, reason, _ in REFUSALS.values()} | {reason for _, reason, _ in FOR_EVER.values()}
    assert {"NotFound", "RevisionNotFound", "Gated", "TokenMissing", "TokenInvalid", "Network", "Corrupt"} == told
    assert len({*itertools.chain(REFUSALS, HEALED, FOR_EVER)}) == len(REFUSALS) + len(HEALED) + len(FOR_EVER)
