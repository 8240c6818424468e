"""Requests for models without a replica: held by the agent, and answered once there is one."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from openai import OpenAI

from tests.dataplane import gateway, gateway_pod, openai_client
from tests.dataplane.test_gateway import error, who

KEYS = {"team-red": "key-of-red\n"}
FALLBACK = {"host": "127.0.0.1", "port": gateway_pod.HOLD_PORT}
PROGRESS = "downloading: 42 %"
SECONDS = 30


@pytest.fixture(scope="module")
def engines(names, tmp_path_factory):
    """None at first."""
    with gateway.engines(names, tmp_path_factory.mktemp("engines")) as made:
        yield made


@pytest.fixture(scope="module")
def pod(engines, tmp_path_factory):
    """A pod whose table has models without a replica."""
    with gateway_pod.pod(tmp_path_factory.mktemp("pod"), cold(engines), KEYS) as made:
        made.process.wait_until(lambda: made.page("/ready") == "ok\n", SECONDS)
        yield made


MODELS = ("waits", "streams", "large", "never", "refuses")


def cold(engines, **holding):
    """The table of models that are to come."""
    served = [
        {"name": name, "targets": [engines.target(f"{name}-pods", fallback=FALLBACK, progress=PROGRESS)]}
        for name in MODELS
    ]
    return {"models": served, "holding": {"seconds": 60, "requests": 100, **holding}}


def held(pod, name):
    return pod.metric(f'aim_gateway_held_requests{{target="team-a/{name}-pods/a"}}')


def test_requests_wait_for_the_first_replica_and_are_all_answered_by_it(pod, engines):
    with ThreadPoolExecutor(40) as pool:
        sent = [pool.submit(pod.chat, "waits", str(at)) for at in range(40)]
        pod.process.wait_until(lambda: held(pod, "waits") == 40, SECONDS)
        [replica] = engines.add("waits-pods", "waits", 1)
        replies = [one.result() for one in sent]
    assert {(one.status_code, who(one)) for one in replies} == {(200, replica)}
    assert replies[0].json()["model"] == "waits"
    assert held(pod, "waits") == 0
    assert pod.metric('aim_gateway_held_total{outcome="answered"}') >= 40
    # From now on without the agent.
    before = pod.metric('aim_gateway_held_total{outcome="answered"}')
    pod.process.wait_until(lambda: pod.counts().get("cluster.team-a/waits-pods/a.membership_healthy") == 2, SECONDS)
    assert {pod.chat("waits", str(at)).status_code for at in range(10)} == {200}
    assert pod.metric('aim_gateway_held_total{outcome="answered"}') == before


def test_a_stream_tells_the_progress_and_then_the_answer(pod, engines):
    with ThreadPoolExecutor(2) as pool, OpenAI(base_url=f"{pod.url}/v1", api_key="key-of-red", max_retries=0) as user:
        raw = pool.submit(pod.chat, "streams", stream=True)
        create = user.chat.completions.create
        asked = pool.submit(lambda: [*create(model="streams", messages=openai_client.QUESTION, stream=True)])
        pod.process.wait_until(lambda: held(pod, "streams") == 2, SECONDS)
        time.sleep(3)  # longer than it is quiet
        engines.add("streams-pods", "streams", 1)
        text = raw.result().text
        events = asked.result()
    assert text.startswith(f": waiting for the model. {PROGRESS}\n\n")
    assert text.endswith("data: [DONE]\n\n")
    assert raw.result().headers["content-type"].startswith("text/event-stream")
    assert len([one for one in events if one.choices[0].delta.content]) == 19


def test_what_an_engine_refuses_after_a_stream_has_begun_is_an_event(pod, engines):
    with ThreadPoolExecutor(1) as pool:
        raw = pool.submit(pod.chat, "refuses", stream=True, max_tokens=10**6)
        pod.process.wait_until(lambda: held(pod, "refuses") == 1, SECONDS)
        time.sleep(3)
        engines.add("refuses-pods", "refuses", 1)
        *_, event, done, _ = raw.result().text.split("\n\n")
    assert json.loads(event.removeprefix("data: "))["error"]["type"] == "BadRequestError"
    assert done == "data: [DONE]"


def test_large_bodies_wait_outside_of_the_agent(pod, engines):
    before = memory(pod)
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(pod.chat, "large", "x" * 20 * 2**20) for _ in range(8)]
        pod.process.wait_until(lambda: held(pod, "large") == 8, SECONDS)
        assert memory(pod) - before < 30 * 2**20
        engines.add("large-pods", "large", 1)
        assert {one.result().status_code for one in sent} == {200}
    assert memory(pod) - before < 30 * 2**20


def memory(pod):
    """Bytes of the agent's process."""
    [line] = [one for one in Path(f"/proc/{pod.agent.pid}/status").read_text().splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def test_past_the_bounds_it_is_told_when_to_come_again(pod, engines):
    pod.mount_table(cold(engines, seconds=3, requests=1))
    with ThreadPoolExecutor(2) as pool:
        replies = []

        def refused():
            replies[:] = pool.map(pod.chat, ["never"] * 2)
            return [one.status_code for one in replies] in ([503, 429], [429, 503])

        pod.process.wait_until(refused, SECONDS)
    late, many = sorted(replies, key=lambda one: -one.status_code)
    error(late, 503, "model_unavailable")
    error(many, 429, "too_many_waiting")
    assert all(int(one.headers["retry-after"]) > 0 for one in replies)
    streamed = pod.chat("never", stream=True)
    *_, event, done, _ = streamed.text.split("\n\n")
    assert json.loads(event.removeprefix("data: "))["error"]["code"] == "model_unavailable"
    assert done == "data: [DONE]"
    pod.mount_table(cold(engines, seconds=3, requests=0))
    at_once = 'aim_gateway_held_total{outcome="not held"}'
    pod.process.wait_until(lambda: pod.chat("never").status_code == 503 and pod.metric(at_once) > 0, SECONDS)
    error(pod.chat("never"), 503, "model_unavailable")
    pod.mount_table(cold(engines))
    pod.process.wait_until(lambda: waits(pod, "never"), SECONDS)


def waits(pod, name):
    """Whether a request for it is held; its client goes away then."""
    try:
        body = json.dumps({"model": name, "messages": []})
        headers = {"Authorization": "Bearer key-of-red", "Content-Type": "application/json"}
        requests.post(f"{pod.url}/v1/chat/completions", body, headers=headers, timeout=1)
    except requests.ReadTimeout:
        return True
    return False


def test_a_client_that_goes_away_waits_no_more(pod):
    assert waits(pod, "never")
    pod.process.wait_until(lambda: held(pod, "never") == 0, SECONDS)
    assert pod.metric('aim_gateway_held_total{outcome="gone"}') >= 1


def test_a_model_that_leaves_the_table_is_unknown_to_those_who_wait(pod, engines):
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(pod.chat, "never")
        pod.process.wait_until(lambda: held(pod, "never") == 1, SECONDS)
        table = cold(engines)
        pod.mount_table({**table, "models": [one for one in table["models"] if one["name"] != "never"]})
        error(sent.result(), 404, "model_not_found")
