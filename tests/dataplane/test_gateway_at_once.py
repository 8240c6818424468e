"""A client has no more requests at once than its row of limits states, in a real Envoy."""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.dataplane import commands, gateway, gateway_pod
from tests.dataplane.gateway import PORT
from tests.dataplane.gateway_pod import GatewayPod
from tests.dataplane.test_gateway import error, waiting, who

KEYS = {"team-red": "key-of-red\n", "team-blue": "key-of-blue\n"}
MODEL = "small"
SECONDS = 30
BLUE = "key-of-blue"
MOST = 3


@pytest.fixture(scope="module")
def engines(names, tmp_path_factory):
    """A model of one replica."""
    with gateway.engines(names, tmp_path_factory.mktemp("engines")) as made:
        made.add("small-pods", MODEL, 1)
        yield made


@pytest.fixture(scope="module")
def engine(engines):
    """The address of the replica."""
    [address] = engines.names.own[engines.host("small-pods")]
    return address


def usual(engines, limits=({"client": "team-blue", "concurrentRequests": 2 * MOST - 1},), **more):
    """The table of one of two replicas of a gateway: each has its part of the limit, rounded up."""
    served = [{"name": MODEL, "targets": [engines.target("small-pods")]}]
    return {"models": served, "limits": [*limits], "replicas": 2, **more}


@pytest.fixture(scope="module")
def pod(engines, tmp_path_factory) -> Iterator[GatewayPod]:
    """The pod of the gateway."""
    with gateway_pod.pod(tmp_path_factory.mktemp("pod"), usual(engines), KEYS) as made:
        made.process.wait_until(lambda: made.chat(MODEL).status_code == 200, SECONDS)
        yield made


@pytest.fixture(autouse=True)
def quick_again(engine):
    """The engine is quick after each test."""
    yield
    commands.command(engine, first_token_seconds=0, token_seconds=0)


@pytest.fixture
def restored(pod, engines):
    """The pod; afterwards it goes by the usual table."""
    yield pod
    pod.use_table(usual(engines))
    whole = lambda: codes(burst(pod, MOST)) == {200: MOST} and codes(burst(pod, 2 * MOST))[429] == MOST  # noqa: E731
    commands.command(engines.names.own[engines.host("small-pods")][0], first_token_seconds=1, token_seconds=0)
    pod.process.wait_until(whole, SECONDS)


def burst(pod, count, key=BLUE, **more):
    """The answers to so many requests at once."""
    with ThreadPoolExecutor(count) as threads:
        return [*threads.map(lambda at: pod.chat(MODEL, str(at), key=key, **more), range(count))]


def codes(replies):
    return Counter(one.status_code for one in replies)


def at_once(pod):
    """How many requests the client has now, as its metric tells."""
    return pod.metric('envoy_cluster_upstream_rq_active{envoy_cluster_name="clients/team-blue"}')


def used(pod, name, **labels):
    lines = [one for one in (pod.page("/metrics") or "").splitlines() if one.startswith(f"envoy_aim_gateway_{name}{{")]
    of = {"client": "team-blue", **labels}
    return sum(float(one.rpartition(" ")[2]) for one in lines if all(f'{key}="{of[key]}"' in one for key in of))


@pytest.mark.parametrize("streams", [False, True])
def test_one_too_many_is_refused_and_others_are_not_counted(pod, engine, streams):
    commands.command(engine, first_token_seconds=1)
    replies = burst(pod, 8, stream=streams)
    assert codes(replies) == {200: MOST, 429: 8 - MOST}
    [refused, *_] = [one for one in replies if one.status_code == 429]
    error(refused, 429, "too_many_at_once")
    assert int(refused.headers["retry-after"]) > 0
    assert codes(burst(pod, 8, key="key-of-red")) == {200: 8}
    assert codes(burst(pod, MOST)) == {200: MOST}


def test_a_client_that_hangs_up_has_room_again(pod, engine):
    commands.command(engine, token_seconds=0.5)
    body = json.dumps({"model": MODEL, "messages": [], "stream": True})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {BLUE}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    open_ = [socket.create_connection((pod.address, PORT)) for _ in range(MOST)]
    for one in open_:
        one.sendall((head + body).encode())
        assert one.recv(1024).startswith(b"HTTP/1.1 200")
    pod.process.wait_until(lambda: at_once(pod) == MOST, SECONDS)
    assert codes(burst(pod, 2)) == {429: 2}
    for one in open_:
        one.close()
    pod.process.wait_until(lambda: at_once(pod) == 0, SECONDS)
    pod.process.wait_until(lambda: waiting([engine], "running") == 0, SECONDS)
    commands.command(engine, token_seconds=0)
    assert codes(burst(pod, MOST)) == {200: MOST}


def test_the_engine_learns_who_asks_and_nothing_of_the_way(pod):
    forged = {"x-aim-hop": "clients/team-red", "x-aim-client": "team-red"}
    reply = pod.post("/v1/chat/completions", {"model": MODEL, "messages": []}, BLUE, headers=forged)
    asked = json.loads(commands.request(who(reply), "/simulation").body)["requests"][-1]["headers"]
    assert asked["x-aim-client"] == "team-blue"
    assert asked["x-aim-prefix"]
    assert asked.keys().isdisjoint({"x-aim-hop", "authorization"})


def test_a_header_of_a_client_leads_nowhere_else(pod):
    reply = pod.post("/v1/chat/completions", {"model": MODEL, "messages": []}, headers={"x-aim-hop": "clients/x"})
    assert reply.status_code == 200


def test_all_else_is_as_for_those_who_are_not_counted(restored, engines):
    pod = restored
    limits = [{"client": "team-blue", "concurrentRequests": 6, "models": [MODEL], "reservedTokensPerMinute": 60_000}]
    table = usual(engines, limits, maxRequestBytes=2**20)
    hidden = {"name": "hidden", "targets": [engines.target("small-pods")]}
    pod.use_table({**table, "models": [*table["models"], hidden]})
    pod.process.wait_until(lambda: pod.chat("hidden", key=BLUE).status_code == 403, SECONDS)
    error(pod.chat("hidden", key=BLUE), 403, "model_not_allowed")
    error(pod.chat("no-such-model", key=BLUE), 404, "model_not_found")
    error(pod.post("/v1/completions", {"prompt": "Hi."}, BLUE), 400, "missing_model")
    large = {"model": MODEL, "input": "x" * 2**21}
    pod.process.wait_until(lambda: pod.post("/v1/embeddings", large).status_code == 413, SECONDS)
    for _ in range(10):
        error(pod.post("/v1/embeddings", large, BLUE), 413, "request_too_large")
    listed = requests.get(f"{pod.url}/v1/models", headers={"Authorization": f"Bearer {BLUE}"}, timeout=10)
    assert [one["id"] for one in listed.json()["data"]] == [MODEL]
    assert pod.post(f"/models/{MODEL}/v1/chat/completions", {"messages": []}, BLUE).status_code == 200
    # Two thirds of the part of this replica, most of which is not back for the second one.
    assert pod.chat(MODEL, key=BLUE, max_tokens=20_000).status_code == 200
    error(pod.chat(MODEL, key=BLUE, max_tokens=20_000), 429, "rate_limit_exceeded")


def test_each_request_is_in_the_metrics_once(pod, engine):
    before = {code: used(pod, "requests", code=code) for code in ("200", "429")}
    tokens = used(pod, "generated_tokens", estimated="false")
    commands.command(engine, first_token_seconds=0.5)
    assert codes(burst(pod, MOST + 2)) == {200: MOST, 429: 2}
    after = lambda: {code: used(pod, "requests", code=code) - before[code] for code in before}  # noqa: E731
    pod.process.wait_until(lambda: after() == {"200": MOST, "429": 2}, SECONDS)
    assert used(pod, "requests", code="200", target="team-a/small-pods/a") >= MOST
    assert used(pod, "generated_tokens", estimated="false") - tokens == 19 * MOST
    names = [one for one in pod.page("/metrics").splitlines() if '"clients/' in one]
    assert 1 <= len(names) <= 8, "a thousand clients must not be a hundred thousand series"


def test_a_limit_comes_changes_and_goes_and_no_stream_ends(restored, engines, engine):
    pod = restored
    commands.command(engine, token_seconds=1, tokens=200)
    with pod.post("/v1/chat/completions", {"model": MODEL, "messages": [], "stream": True}, stream=True) as reply:
        lines = reply.iter_lines()
        assert next(lines).startswith(b"data: ")
        commands.command(engine, first_token_seconds=1)
        for count, part in ((2, 1), (4 * MOST, 6), (None, 6), (2 * MOST, MOST)):
            row = {"client": "team-blue", **({"concurrentRequests": count} if count else {})}
            pod.use_table(usual(engines, [row]))
            pod.process.wait_until(lambda part=part: codes(burst(pod, 6, max_tokens=1))[200] == part, SECONDS)
        commands.command(engine, token_seconds=0, tokens=19)
        assert [one for one in lines if one][-1] == b"data: [DONE]"


def test_without_keys_all_are_counted_together(restored, engines, engine):
    pod = restored
    pod.use_table(usual(engines, [{"client": "*", "concurrentRequests": 4}], anonymous=True))
    pod.process.wait_until(lambda: pod.chat(MODEL, key=None).status_code == 200, SECONDS)
    commands.command(engine, first_token_seconds=1)
    assert codes(burst(pod, 6, key=None)) == {200: 2, 429: 4}
