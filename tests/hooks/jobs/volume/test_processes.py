"""Downloads as the processes that Jobs run: told to end, several at once, and with a hub that goes meanwhile."""

import signal
import time

import pytest

from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from tests.hooks.jobs.volume.downloads import MODEL
from tests.hub import Fault

pytestmark = pytest.mark.slow


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
def test_a_download_that_is_told_to_end_does_and_the_next_goes_on(hub, mount, model, fault):
    hub.fault = fault
    process = mount.begin(MODEL)
    while hub.sent() < 200_000:
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    ended = mount.end(process)
    assert ended.code == DOWNLOAD_OUTCOMES["Interrupted"].code
    assert "was stopped; received bytes are kept" in ended.message
    assert f"Error: {ended.message}" in ended.output
    assert "Traceback" not in ended.output
    assert mount.ready == {}
    hub.fault = None
    assert mount.download(MODEL).code == 0
    assert mount.holds(model)
    assert hub.sent() - model.total < 100_000


def test_models_that_come_at_once_are_all_in_the_index(hub, mount):
    models = [hub.add(f"acme/model-{number}", {"config.json": b"{}", "a.bin": 200_000 + number}) for number in range(4)]
    processes = [mount.begin(model.id) for model in models]
    assert [mount.end(one).code for one in processes] == [0] * 4
    assert all(mount.holds(model) for model in models)
    assert hub.sent() == sum(model.total for model in models)


def test_where_nothing_may_be_downloaded_nobody_is_asked(hub, mount, model):
    ended = mount.download(model.id, HF_HUB_OFFLINE="1")
    assert ended.code == DOWNLOAD_OUTCOMES["NotOnVolume"].code
    assert hub.requests == []
