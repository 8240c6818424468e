"""What a test can break about the hub, as its clients see it."""

import threading
import time

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from tests.hub import Fault
from tests.hub.sample import MODEL, WEIGHTS


@pytest.mark.parametrize(("on", "path"), [("api", f"/api/models/{MODEL}"), ("files", WEIGHTS), ("cdn", WEIGHTS)])
@pytest.mark.usefixtures("model")
def test_a_status_for_some_times(hub, api, got, on, path):
    hub.fault = Fault(on=on, path=path, status=429, times=2, headers={"Retry-After": "3"})
    if on == "api":
        for _ in range(2):
            with pytest.raises(HfHubHTTPError) as caught:
                api.model_info(MODEL)
            assert caught.value.response.headers["Retry-After"] == "3"
        api.model_info(MODEL)
    else:
        assert got("config.json").status_code == 200
        assert [got().status_code for _ in range(3)] == [429, 429, 200]


@pytest.mark.usefixtures("model")
def test_each_of_several_faults_befalls_what_it_fits(hub, api, got):
    hub.fault = [Fault(on="api", status=500), Fault(path="*.json", status=503), Fault(corrupt=True, path=WEIGHTS)]
    with pytest.raises(HfHubHTTPError, match="500"):
        api.model_info(MODEL)
    assert got("config.json").status_code == 503
    assert got().status_code == 200
    hub.fault = None
    assert got("config.json").status_code == 200


def test_contents_that_are_not_what_they_should_be(hub, model, got):
    hub.fault = Fault(corrupt=True, times=1)
    data = model.files[WEIGHTS].data()
    wrong = got().content
    assert (len(wrong), wrong[1:]) == (len(data), data[1:])
    assert wrong != data
    assert got().content == data


@pytest.mark.parametrize("after", [0, 1, 65_536, 100_000])
@pytest.mark.parametrize("how", ["cut", "reset"])
def test_a_body_that_ends_too_early(hub, model, how, after):
    hub.fault = Fault(after=after, **{how: True})
    received: list[bytes] = []
    with httpx2.stream("GET", hub.link(MODEL, model.commit, model.files[WEIGHTS], None)) as answer:
        assert answer.headers["Content-Length"] == "300000"
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            received.extend(answer.iter_raw())
    assert hub.sent_of(WEIGHTS) == after
    assert model.files[WEIGHTS].data().startswith(b"".join(received))
    if how == "cut":
        assert sum(map(len, received)) == after


@pytest.mark.usefixtures("model")
def test_a_server_that_knows_no_ranges(hub, got):
    hub.fault = Fault(whole=True)
    answer = got(Range="bytes=7-")
    assert (answer.status_code, len(answer.content)) == (200, 300_000)


@pytest.mark.parametrize(
    ("fault", "least"), [(Fault(rate=1_000_000), 0.25), (Fault(stall=0.3, after=1000), 0.3), (Fault(rate=1e9), 0)]
)
@pytest.mark.usefixtures("model")
def test_a_slow_server(hub, got, fault, least):
    hub.fault = fault
    began = time.monotonic()
    assert len(got().content) == 300_000
    assert time.monotonic() - began > least


@pytest.mark.usefixtures("model")
def test_a_link_that_expires(hub, got):
    hub.fault = Fault(expiry=-1, times=1)
    assert got().status_code == 403
    assert got().status_code == 200


@pytest.mark.usefixtures("model")
def test_a_hub_that_is_away_for_a_while(hub, api):
    hub.stop()
    with pytest.raises(httpx2.ConnectError):
        api.model_info(MODEL)
    hub.start()
    api.model_info(MODEL)


@pytest.mark.usefixtures("model")
def test_a_hub_stops_at_once_while_it_sends(hub):
    hub.fault = Fault(rate=1000)
    with httpx2.stream("GET", f"{hub.url}/{MODEL}/resolve/main/{WEIGHTS}", follow_redirects=True) as answer:
        began = time.monotonic()
        hub.stop()
        assert time.monotonic() - began < 5
        with pytest.raises(httpx2.RemoteProtocolError):
            answer.read()


def test_an_alarm_at_a_byte(hub, model, got):
    at = []
    hub.when_sent(123_456, lambda: at.append(hub.ledger.counts[MODEL, WEIGHTS]))
    threads = [threading.Thread(target=got) for _ in range(3)]
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
