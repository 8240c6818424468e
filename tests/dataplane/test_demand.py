"""The demand of a model from nothing to nothing, by an agent beside a real Envoy."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.dataplane import gateway, gateway_pod
from tests.dataplane.test_holding import waits

KEYS = {"team-red": "key-of-red\n"}
FALLBACK = {"host": "127.0.0.1", "port": gateway_pod.HOLD_PORT}
IDLE_SECONDS, SECONDS = 4, 30


@pytest.fixture(scope="module")
def engines(names, tmp_path_factory):
    """None at first."""
    with gateway.engines(names, tmp_path_factory.mktemp("engines")) as made:
        yield made


@pytest.fixture(scope="module")
def pod(engines, tmp_path_factory):
    """A pod whose table has models at rest."""
    served = [
        {
            "name": name,
            "targets": [engines.target(f"{name}-pods", fallback=FALLBACK, progress="Idle", idleSeconds=IDLE_SECONDS)],
        }
        for name in ("wakes", "sleeps")
    ]
    with gateway_pod.pod(tmp_path_factory.mktemp("pod"), {"models": served}, KEYS) as made:
        made.process.wait_until(lambda: made.page("/ready") == "ok\n", SECONDS)
        yield made


def demand(pod, name):
    found = json.loads(pod.page(f"/demand/team-a/{name}-pods"))["demand"]
    assert type(found) is int  # Python's true is equal to one
    return found


def test_a_model_is_wanted_until_it_was_there_without_requests_for_a_while(pod, engines):
    assert (demand(pod, "wakes"), demand(pod, "sleeps")) == (0, 0)
    with ThreadPoolExecutor(3) as pool:
        sent = [pool.submit(pod.chat, "wakes", str(at)) for at in range(3)]
        pod.process.wait_until(lambda: demand(pod, "wakes") == 3, SECONDS)
        assert waits(pod, "wakes")  # a client that gives up
        pod.process.wait_until(lambda: demand(pod, "wakes") == 3, SECONDS)
        there = time.monotonic()
        engines.add("wakes-pods", "wakes", 1)
        assert {one.result().status_code for one in sent} == {200}
    time.sleep(1)  # as old as the numbers may be
    found = []
    pod.process.wait_until(lambda: found.append(demand(pod, "wakes")) or found[-1] == 0, SECONDS)
    assert time.monotonic() - there >= IDLE_SECONDS - 1
    assert set(found) == {0, 1}
    # Probes are no requests: it stays so, and one request that is over before anybody looks is seen.
    time.sleep(3)
    assert (demand(pod, "wakes"), demand(pod, "sleeps")) == (0, 0)
    assert pod.chat("wakes").status_code == 200
    time.sleep(1)
    assert demand(pod, "wakes") == 1


def test_a_model_that_loads_is_wanted_though_its_client_is_gone(pod):
    assert demand(pod, "sleeps") == 0
    assert waits(pod, "sleeps")
    until = time.monotonic() + 2 * IDLE_SECONDS
    while time.monotonic() < until:
        assert demand(pod, "sleeps") >= 1
        time.sleep(0.5)


def test_what_it_does_not_route_to_is_unknown(pod):
    assert json.loads(pod.page("/demand/team-a/none"))["error"]
    assert json.loads(pod.page("/demand/team-a/none")).keys() == {"error"}
