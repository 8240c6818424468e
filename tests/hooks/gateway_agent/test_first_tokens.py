"""The time to the first token of a model that was not there: once for all who wait, and from the first of them."""

import asyncio

import pytest

from hooks.gateway_agent.first_tokens import FirstTokens
from tests.hooks.gateway_agent.test_held_requests import CHUNKED, NAME, WHOLE, World, run, until


class Clock:
    """A time that the test sets."""

    def __init__(self):
        self.time, self.targets = 0.0, ["chat", "other"]
        self.found = FirstTokens(lambda: self.targets, lambda: self.time)

    def numbers(self):
        """Count, sum and those within a minute, by target."""
        [family] = self.found.collect()
        found = {}
        for one in family.samples:
            kind = one.name.rpartition("_")[2]
            if kind != "bucket" or one.labels["le"] == "60.0":
                found.setdefault(one.labels["target"], {})[kind] = one.value
        return found


def test_requests_that_wait_together_are_one_time_from_the_first():
    clock = Clock()
    with clock.found.held("chat"):
        clock.time = 10
        assert clock.numbers() == {"chat": {"count": 0, "sum": 0.0, "bucket": 0}}
        with clock.found.held("chat"):
            clock.time = 60
            clock.found.came("chat")
            clock.time = 70
            clock.found.came("chat")
    assert clock.numbers() == {"chat": {"count": 1, "sum": 60.0, "bucket": 1}}
    with clock.found.held("chat"):
        clock.time = 5000
        clock.found.came("chat")
    assert clock.numbers() == {"chat": {"count": 2, "sum": 60.0 + 4930, "bucket": 1}}


def test_when_all_have_gone_nothing_is_measured():
    clock = Clock()
    with clock.found.held("chat"):
        clock.time = 600
    clock.found.came("chat")
    assert clock.numbers()["chat"]["count"] == 0
    with clock.found.held("chat"):
        clock.time = 601
        clock.found.came("chat")
    assert clock.numbers()["chat"] == {"count": 1, "sum": 1.0, "bucket": 1}


def test_what_leaves_the_table_leaves_the_metric_once_nobody_waits():
    clock = Clock()
    with clock.found.held("chat"):
        clock.targets = []
        assert clock.numbers().keys() == {"chat"}
        clock.found.came("chat")
    assert clock.numbers() == {}


REFUSED = b"HTTP/1.1 400 -\r\ncontent-length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("headers", "answer", "count"),
    [
        ((), WHOLE, 1),
        ((), CHUNKED, 1),
        ((), REFUSED, 0),
        ((), b"", 0),
        (("x-aim-stream: true",), CHUNKED, 1),
        (("x-aim-stream: true",), b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n", 1),
        (("x-aim-stream: true",), REFUSED, 0),
    ],
)
def test_the_first_piece_of_an_answer_is_its_first_token(headers, answer, count):
    async def scenario():
        world = World()
        async with world.held(*headers) as (reader, _):
            await until(lambda: world.holder.held[NAME] == 1)
            if headers:
                await reader.readuntil(b"\n\n\r\n")
            async with world.replica(answer):
                await reader.read()
                await asyncio.sleep(0.05)
        [family] = world.holder.first_tokens.collect()
        [found] = [one.value for one in family.samples if one.name.endswith("_count")]
        assert found == count

    run(scenario)
