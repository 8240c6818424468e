"""A gateway of two replicas under load: limits, replicas that come and go, large prompts, clients that do not read."""

import json
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.dataplane import commands, gateway, gateway_pod
from tests.dataplane.gateway import PORT
from tests.dataplane.simulated.server import HITS
from tests.dataplane.test_gateway import error, who

KEYS = {"team-red": "key-of-red\n", "team-blue": "key-of-blue\n"}
MODEL = "small"
SECONDS = 30
STREAM_SECONDS = 60


@pytest.fixture(scope="module")
def engines(names, tmp_path_factory):
    """A model of two replicas."""
    with gateway.engines(names, tmp_path_factory.mktemp("engines")) as made:
        made.add("small-pods", MODEL, 2)
        yield made


def usual(engines, **more):
    """The table of a gateway of two replicas."""
    limits = [{"client": "team-blue", "requestsPerMinute": 240}]
    served = [{"name": MODEL, "targets": [engines.target("small-pods")]}]
    return {"models": served, "limits": limits, "replicas": 2, **more}


@pytest.fixture(scope="module")
def pods(engines, tmp_path_factory):
    """Both replicas of the gateway."""
    first, second = (tmp_path_factory.mktemp(f"pod-{at}") for at in range(2))
    with (
        gateway_pod.pod(first, usual(engines), KEYS, number=2) as one,
        gateway_pod.pod(second, usual(engines), KEYS, number=3) as other,
    ):
        for each in (one, other):
            until_healthy(each, 2)
        yield one, other


def until_healthy(pod, count):
    """Until Envoy knows that so many replicas answer."""
    name = "cluster.team-a/small-pods/a.membership_healthy"
    pod.process.wait_until(lambda: pod.counts().get(name) == count, SECONDS)


def behind(engines):
    return engines.names.own[engines.host("small-pods")]


def test_prefixes_stay_where_they_were_through_every_replica_of_the_gateway(pods):
    beginnings = [f"Beginning number {at}. " * 120 for at in range(10)]
    found, hits = Counter(), 0
    for at in range(20):
        for number, text in enumerate(beginnings):
            reply = pods[at % 2].chat(MODEL, f"{text}{at}")
            found[number, who(reply)] += 1
            hits += int(reply.headers[HITS]) > 300
    most = sum(max(count for (of, _), count in found.items() if of == number) for number in range(10))
    assert most >= 0.95 * 200
    assert hits >= 0.95 * 190
    assert len({address for _, address in found}) == 2


def test_a_limit_holds_over_all_replicas_of_the_gateway(pods):
    began, good, turn = time.monotonic(), 0, 0
    while (passed := time.monotonic() - began) < 15:
        turn += 1
        good += pods[turn % 2].chat(MODEL, str(turn), key="key-of-blue").status_code == 200
        time.sleep(0.02)
    # A tenth of a minute's at once, and the rest evenly.
    allowed = 24 + 240 * passed / 60
    assert 0.9 * allowed <= good <= 1.1 * allowed + 1


def test_no_stream_ends_while_replicas_are_killed_added_and_drained(pods, engines):
    for address in behind(engines):
        commands.command(address, token_seconds=STREAM_SECONDS / 40, tokens=40)
    names, host = engines.names.own, engines.host("small-pods")
    kept, dead = behind(engines)
    with ThreadPoolExecutor(24) as pool:
        # The one that is killed has no streams: those of its own end with it, whoever stands in front.
        names[host] = [kept]
        for pod in pods:
            until_healthy(pod, 1)
        sent = [pool.submit(pods[at % 2].chat, MODEL, str(at), stream=True) for at in range(12)]
        names[host] = [kept, dead]
        for pod in pods:
            until_healthy(pod, 2)
        engines.kill(dead)
        replies = [pods[at % 2].chat(MODEL, str(at), max_tokens=1) for at in range(20)]
        [added] = engines.add("added-pods", MODEL, 1)
        commands.command(added, token_seconds=STREAM_SECONDS / 40, tokens=40)
        names[host] = [kept, added]
        for pod in pods:
            pod.process.wait_until(lambda pod=pod: answered_by(pod, added), SECONDS)
        # One is drained: it leaves the names, and its streams go on to their end.
        names[host] = [added]
        sent += [pool.submit(pods[at % 2].chat, MODEL, f"more {at}", stream=True) for at in range(12)]
        streams = [one.result() for one in sent]
    for address in behind(engines):
        commands.command(address, token_seconds=0, tokens=19)
    assert {one.status_code for one in [*replies, *streams]} == {200}
    assert all(one.text.count('"content"') == 41 and one.text.endswith("data: [DONE]\n\n") for one in streams)


def answered_by(pod, address):
    """Whether a replica gets requests; each time another beginning, so that each has its turn."""
    return who(pod.chat(MODEL, str(time.time()), max_tokens=1)) == address


def memory(process):
    """Bytes of a process."""
    [line] = [one for one in Path(f"/proc/{process.pid}/status").read_text().splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def test_a_prompt_of_twenty_megabytes_and_clients_that_do_not_read_take_bounded_memory(pods, engines):
    pod = pods[0]
    reply = pod.chat(MODEL, "x" * 20 * 2**20)
    assert reply.status_code == 200
    assert memory(pod.process) < 300 * 2**20
    before = memory(pod.process)
    for address in behind(engines):
        commands.command(address, tokens=40_000)
    body = json.dumps({"model": MODEL, "messages": [], "stream": True, "max_tokens": 30_000}).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer key-of-red"
    clients = [socket.create_connection((pod.address, PORT)) for _ in range(10)]
    for one in clients:  # several megabytes each, of which nobody reads anything
        one.sendall(f"{head}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    most = 0
    for _ in range(20):
        most = max(most, memory(pod.process) - before)
        assert pod.chat(MODEL, "Others are answered.", max_tokens=1).status_code == 200
        time.sleep(0.1)
    for one in clients:
        one.close()
    for address in behind(engines):
        commands.command(address, tokens=19)
    assert most < 100 * 2**20


def test_a_pod_that_is_to_end_answers_until_its_streams_are_over(engines, tmp_path):
    with gateway_pod.pod(tmp_path, usual(engines), KEYS, number=4) as pod, ThreadPoolExecutor(1) as pool:
        until_healthy(pod, 1)
        [replica] = behind(engines)
        commands.command(replica, token_seconds=0.4, tokens=30)
        stream = pool.submit(pod.chat, MODEL, stream=True)
        pod.process.wait_until(lambda: pod.counts().get("http.gateway.downstream_rq_active") == 1, SECONDS)
        pod.process.wait_until(lambda: pod.page("/ready") == "ok\n", SECONDS)
        pod.drain()
        pod.process.wait_until(lambda: pod.page("/ready") == "not now\n", SECONDS)
        # Whoever does not know yet is answered, and told to come on another connection.
        late = pod.chat(MODEL, max_tokens=1)
        assert (late.status_code, late.headers["connection"]) == (200, "close")
        assert pod.agent.popen.wait(SECONDS) == 0
        assert stream.done()
        assert stream.result().text.endswith("data: [DONE]\n\n")
        commands.command(replica, token_seconds=0, tokens=19)
        # As after a probe that failed: the next one lets Envoy serve again.
        pod.start_agent()
        pod.process.wait_until(lambda: pod.page("/ready") == "ok\n", SECONDS)


def test_traffic_goes_on_while_the_agent_is_gone_and_back(pods, engines):  # noqa: ARG001 - in front of them
    pod = pods[1]
    pod.stop_agent(0)
    assert {pod.chat(MODEL, str(at)).status_code for at in range(50)} == {200}
    error(pod.chat("no-such-model"), 404, "model_not_found")
    pod.start_agent()
    pod.process.wait_until(lambda: pod.page("/ready") == "ok\n", SECONDS)
