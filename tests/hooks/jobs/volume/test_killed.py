"""A download that is killed at any byte goes on there, and of two at once one does the work."""

import os
import random
import time
from pathlib import Path

import pytest

from tests.hub import Fault, Hub

pytestmark = pytest.mark.slow

MODEL = "acme/some-model"
MIB = 1 << 20
FILES = {
    "config.json": b'{"model_type": "some"}',
    "tokenizer.json": 300_000,
    **{f"model-0000{place}-of-00003.safetensors": 32 * MIB for place in (1, 2, 3)},
}
KILLS = 20
LATE_KILLS = 6
SEED = int(os.environ.get("AIM_SEED", random.SystemRandom().randrange(1_000_000)))
"""Of the places of the kills; AIM_SEED repeats those of an earlier run."""

WORKERS = 2
TWO = ("--max-workers", str(WORKERS))
SEND_BUFFER = 64 << 10
RATE = 100 * MIB
"""Bytes per second of a connection: the client keeps up, so that the kernel has no reason to enlarge its buffers."""
PIECE = MIB
"""Most bytes that the downloader reads before it writes them."""


def in_flight() -> int:
    """Most bytes of one kill that the server has sent and no file has.

    For each worker: what the kernel holds at either end of the connection, and the piece that was read and not yet
    written. At the server's end that is twice SO_SNDBUF (socket(7)). At the client's it is the receive buffer, which
    begins at the second number of tcp_rmem (tcp(7)) and is enlarged in proportion to what the client reads within one
    round trip, which at this rate is less than it begins with: doubled once.
    """
    received = int(Path("/proc/sys/net/ipv4/tcp_rmem").read_text().split()[1])
    return WORKERS * (2 * SEND_BUFFER + 2 * received + PIECE)


@pytest.fixture
def hub():
    with Hub(send_buffer=SEND_BUFFER) as made:
        yield made


def test_killed_twenty_times_at_random_bytes_it_continues_where_it_was(hub, mount):
    model = hub.add(MODEL, FILES)
    hub.fault = Fault(rate=RATE)
    places = sorted(random.Random(SEED).sample(range(1, model.total), KILLS))  # noqa: S311  no secret
    print(f"seed {SEED}: killed when {places} of {model.total} bytes are there")
    lost = []
    for place in places:
        before, kept = hub.sent(), sum(mount.blobs(MODEL).values())
        # `place` counts what is on the volume; what the last kills lost is sent once more before it is reached.
        mount.killed(max(place - kept, 1), MODEL, *TWO)
        lost.append(hub.sent() - before - (sum(mount.blobs(MODEL).values()) - kept))
        assert mount.ready == {}, f"seed {SEED}"
    done = mount.download(MODEL, *TWO)
    assert done.code == 0, f"seed {SEED}: {done.output}"
    assert mount.holds(model), f"seed {SEED}"
    print(f"lost at each kill: {lost}; at most {in_flight()} were in flight")
    assert max(lost) <= in_flight(), f"seed {SEED}: {lost}"
    assert hub.sent(MODEL) - model.total == sum(lost), f"seed {SEED}"
    assert set(mount.blobs(MODEL)) == {file.etag for file in model.files.values()}


def test_killed_when_all_bytes_are_there_it_is_ready_or_not_and_never_half(hub, mount):
    moments = random.Random(SEED)  # noqa: S311
    hub.fault = Fault(rate=RATE)
    for number in range(LATE_KILLS):
        model = hub.add(f"acme/model-{number}", {f"{place}.bin": 20_000 + place for place in range(200)})
        process = mount.begin(model.id, *TWO)
        while hub.sent(model.id) < model.total:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        killed = mount.end(process).code
        assert mount.holds(model) == (f"{model.id}@main" in mount.ready), f"seed {SEED}"
        print(f"seed {SEED}: ended with {killed}, ready: {mount.holds(model)}")
        assert mount.download(model.id).code == 0, f"seed {SEED}"
        assert mount.holds(model), f"seed {SEED}"
        assert hub.sent(model.id) - model.total <= in_flight()


def test_of_two_downloads_of_one_model_at_once_no_byte_comes_twice(hub, mount):
    model = hub.add(MODEL, FILES)
    first, second = mount.begin(MODEL), mount.begin(MODEL)
    ended = [mount.end(first), mount.end(second)]
    assert [one.code for one in ended] == [0, 0], ended
    assert mount.holds(model)
    assert hub.sent(MODEL) == model.total
