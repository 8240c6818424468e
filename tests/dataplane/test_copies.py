"""Copies of requests for a version that is tried, through a real Envoy: what arrives, and that no client notices."""

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import pytest
import requests

from aimlib.gateway.clusters import MOST_COPIES
from aimlib.gateway.table import MILLION
from tests.dataplane import commands, gateway
from tests.dataplane.test_gateway import behind, waiting, who

KEYS = {"team-red": ["key-of-red"]}
MODEL = "small"
COPIES = "cluster.team-a/tried-pods/a/mirror"
SECONDS = 30
HANGS = {"first_token_seconds": 60}
NUMBERS = count()


@pytest.fixture(scope="module")
def engines(names, tmp_path_factory):
    """The version that serves, and the one that is tried."""
    with gateway.engines(names, tmp_path_factory.mktemp("engines")) as made:
        made.add("small-pods", MODEL, 2)
        made.add("tried-pods", MODEL, 1)
        yield made


@pytest.fixture(scope="module")
def envoy(engines, tmp_path_factory):
    """An Envoy that sends a copy of each request to the version that is tried."""
    with gateway.started(tmp_path_factory.mktemp("envoy"), table(engines), KEYS) as made:
        until(made, "cluster.team-a/small-pods/a.membership_healthy", 2)
        until(made, f"{COPIES}.membership_healthy", 1)
        yield made


def table(engines, percent=100):
    """As the gateway's hook makes it while a version gets copies."""
    stable = engines.target("small-pods")
    fallback = {"host": stable["host"], "port": stable["port"]}
    tried = engines.target("tried-pods", weight=0, mirror=MILLION * percent // 100, fallback=fallback)
    return {"models": [{"name": MODEL, "targets": [stable, tried]}]}


def until(envoy, name, number):
    envoy.process.wait_until(lambda: envoy.counts().get(name, 0) >= number, SECONDS)


@pytest.fixture
def tried(engines):
    """The address of the replica that is tried; it does as it is told for one test."""
    [address] = behind(engines, "tried-pods")
    yield address
    commands.command(address, first_token_seconds=0, token_seconds=0, status=200)


def arrived(address):
    """The requests that a replica has had, the newest last."""
    return json.loads(commands.request(address, "/simulation").body)["requests"]


def text():
    """A question that nobody has asked before."""
    return f"question number {next(NUMBERS)}"


def usage(envoy, name):
    """What Envoy has counted for clients, by target."""
    page = requests.get(f"http://127.0.0.1:{envoy.admin}/stats/prometheus", timeout=10).text
    found = Counter()
    for line in page.splitlines():
        if line.startswith(f"envoy_aim_gateway_{name}{{"):
            found[line.partition('target="')[2].partition('"')[0]] += float(line.rpartition(" ")[2])
    return found


@contextmanager
def fast(seconds: float = 20.0) -> Iterator[None]:
    """What is within takes no longer; what hangs here does for a minute."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def test_every_copy_arrives_and_every_answer_is_of_the_version_that_serves(envoy, engines, tried):
    before = len(arrived(tried))
    replies = [envoy.chat(MODEL, text()) for _ in range(20)]
    assert {one.status_code for one in replies} == {200}
    assert {who(one) for one in replies} <= behind(engines, "small-pods")
    envoy.process.wait_until(lambda: len(arrived(tried)) == before + 20, SECONDS)


def test_a_copy_is_as_the_request(envoy, tried):
    before = len(arrived(tried))
    assert envoy.post(f"/models/{MODEL}/v1/chat/completions", {"messages": [], "max_tokens": 7}).status_code == 200
    envoy.process.wait_until(lambda: len(arrived(tried)) == before + 1, SECONDS)
    copy = arrived(tried)[-1]
    assert copy["path"] == "/v1/chat/completions"
    assert copy["headers"]["host"] == f"{envoy.address}:{gateway.PORT}"
    assert "authorization" not in copy["headers"]


def test_a_large_body_is_copied_whole(envoy, tried):
    before = len(arrived(tried))
    assert envoy.chat(MODEL, "x" * (8 * 2**20)).status_code == 200
    # The engine lists what it could parse.
    envoy.process.wait_until(lambda: len(arrived(tried)) == before + 1, SECONDS)


def test_a_part_of_the_requests_is_copied(envoy, engines, tried):
    envoy.take(table(engines, percent=30), KEYS)
    before = len(arrived(tried))
    with ThreadPoolExecutor(8) as pool:
        assert {one.status_code for one in pool.map(lambda _: envoy.chat(MODEL, text()), range(300))} == {200}
    envoy.take(table(engines), KEYS)
    assert 42 < len(arrived(tried)) - before < 138  # 90, and six standard deviations


def test_a_stream_is_copied_and_its_copy_written_to_the_end(envoy, tried):
    commands.command(tried, token_seconds=0.5)
    with fast(8):
        reply = envoy.chat(MODEL, text(), stream=True)
    assert reply.text.endswith("data: [DONE]\n\n")
    envoy.process.wait_until(lambda: waiting([tried], "running") == 1, 5)
    # As long as a client's own: the copy goes on when the client has its answer, and is no abort.
    ended = 'vllm:request_success_total{engine="0",finished_reason="stop"'
    before = finished(tried, ended)
    envoy.process.wait_until(lambda: waiting([tried], "running") == 0, SECONDS)
    assert finished(tried, ended) == before + 1


def finished(address, begins):
    page = commands.request(address, "/metrics").body.decode().splitlines()
    return sum(float(one.rpartition(" ")[2]) for one in page if one.startswith(begins))


def test_copies_are_nobodys_usage(envoy, tried):
    names = ("requests", "prompt_tokens", "generated_tokens")
    before, had = [usage(envoy, one) for one in names], len(arrived(tried))
    for _ in range(10):
        assert envoy.chat(MODEL, "one two three").status_code == 200
    envoy.process.wait_until(lambda: len(arrived(tried)) == had + 10, SECONDS)
    envoy.process.wait_until(lambda: usage(envoy, "requests").total() >= before[0].total() + 10, SECONDS)
    time.sleep(1)  # what would count the copies, too, has had its time
    grown = [dict(usage(envoy, name) - then) for name, then in zip(names, before, strict=True)]
    assert grown == [{"team-a/small-pods/a": 10}, {"team-a/small-pods/a": 30}, {"team-a/small-pods/a": 190}]


def test_a_version_that_fails_is_seen_by_no_client(envoy, engines, tried):
    commands.command(tried, status=500)
    replies = [envoy.chat(MODEL, text()) for _ in range(20)]
    assert {(one.status_code, who(one) in behind(engines, "small-pods")) for one in replies} == {(200, True)}


def test_a_version_that_hangs_delays_no_client_and_gets_so_many_copies_at_most(envoy, engines, tried):
    commands.command(tried, **HANGS)
    refused = f"{COPIES}.upstream_rq_pending_overflow"
    before = envoy.counts().get(refused, 0)
    for _ in range(3):
        with fast(), ThreadPoolExecutor(16) as pool:
            replies = [*pool.map(lambda _: envoy.chat(MODEL, text()), range(MOST_COPIES))]
        assert {(one.status_code, who(one) in behind(engines, "small-pods")) for one in replies} == {(200, True)}
    assert waiting([tried], "running") <= MOST_COPIES
    assert envoy.counts()[refused] > before
    envoy.take(table(engines, percent=0), KEYS)  # the cluster goes, and with it its connections
    envoy.process.wait_until(lambda: waiting([tried], "running") == 0, SECONDS)
    envoy.take(table(engines), KEYS)
    until(envoy, f"{COPIES}.membership_healthy", 1)


def test_a_version_that_stands_still_and_then_dies_delays_no_client(envoy, engines):
    [tried] = behind(engines, "tried-pods")
    process = engines.processes[tried]
    serving = [len(arrived(one)) for one in behind(engines, "small-pods")]
    process.popen.send_signal(signal.SIGSTOP)
    with fast():  # megabytes each, more than connections hold
        replies = [envoy.chat(MODEL, "x" * (3 * 2**20)) for _ in range(10)]
    process.popen.send_signal(signal.SIGCONT)
    engines.kill(tried)
    with fast():
        replies += [envoy.chat(MODEL, text()) for _ in range(40)]
    assert {(one.status_code, who(one) in behind(engines, "small-pods")) for one in replies} == {(200, True)}
    # Who serves has had the requests alone, and no copy that had nowhere else to go.
    assert sum(len(arrived(one)) for one in behind(engines, "small-pods")) == sum(serving) + 50
