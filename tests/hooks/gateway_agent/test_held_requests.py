"""The agent's holding without Envoy: requests as Envoy sends them, to replicas that answer in every way there is."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest

from aimlib.gateway.routed import SUSPENDED
from aimlib.gateway.table import ModelTable
from hooks.gateway_agent import holding, waiting
from hooks.gateway_agent.holding import Holder
from hooks.gateway_agent.http_head import HeadError, read_head
from hooks.gateway_agent.metrics import HELD_TOTAL

NAME = "team-a/small/a"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(holding, "_TICK_SECONDS", 0.01)
    monkeypatch.setattr(holding, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "_PROBE_SECONDS", 0.01)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class World:
    """A holder, and a replica that may be started."""

    def __init__(self, **bounds):
        self.port, self.got = free_port(), []
        self.bounds, self.there, self.progress = bounds, True, "load\ning"
        self.holder = Holder(self.table)
        self.stopped = asyncio.Event()

    def table(self):
        fallback = {"host": "127.0.0.1", "port": 8081}
        place = {"host": "localhost", "port": self.port}
        target = {"name": NAME, **place, "fallback": fallback, "progress": self.progress}
        models = [{"name": "small", "targets": [target]}] if self.there else []
        return ModelTable.model_validate({"models": models, "holding": self.bounds})

    @asynccontextmanager
    async def held(self, *headers, body=b"", name=NAME):
        server = await self.holder.serve("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        lines = ["POST /v1/completions HTTP/1.1", f"x-aim-target: {name}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        async with server:
            yield reader, writer
            writer.close()

    @asynccontextmanager
    async def replica(self, answer, *, stays=False):
        async def serve(reader, writer):
            head = await read_head(reader)
            if head.first[1] == "/health":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            else:
                size = int(head.get("content-length") or 0)
                self.got.append((head, await reader.readexactly(size)))
                writer.write(answer)
                if stays:
                    await reader.read()
                    self.stopped.set()
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", self.port):
            yield


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(), 20))


async def until(condition):
    while not condition():  # noqa: ASYNC110 - of what the holder does
        await asyncio.sleep(0.01)


def outcomes(name):
    return HELD_TOTAL.labels(name)._value.get()


def test_it_waits_for_a_replica_and_gets_its_answer():
    async def scenario():
        world = World()
        async with world.held("content-length: 4", "connection: keep-alive", body=b"body") as (reader, _):
            await until(lambda: world.holder.held[NAME] == 1)
            async with world.replica(WHOLE):
                assert await reader.read() == WHOLE
        assert world.holder.held.total() == 0
        [(head, body)] = world.got
        assert (head.first[:2], body) == (("POST", "/v1/completions"), b"body")
        assert head.headers == (("content-length", "4"), ("connection", "close"))

    run(scenario)


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (CHUNKED, b"9\r\ndata: 1\n\n\r\n0\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n", b"9\r\ndata: 1\n\n\r\n0\r\n\r\n"),
        (
            b'HTTP/1.1 400 -\r\ncontent-length: 15\r\n\r\n{"error":\n "e"}',
            b'data: {"error": "e"}\n\ndata: [DONE]\n\n\r\n0\r\n\r\n',
        ),
        (b"HTTP/1.1 500 -\r\ncontent-length: 2\r\n\r\n{]", b"data: [DONE]\n\n\r\n0\r\n\r\n"),
        (b"HTTP/1.1 500 -\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n", b"data: [DONE]\n\n\r\n0\r\n\r\n"),
        (b"HTTP/1.1 500 -\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", b"data: [DONE]\n\n\r\n0\r\n\r\n"),
    ],
)  # fmt: skip
def test_a_stream_that_has_begun_goes_on_with_whatever_comes(answer, end):
    async def scenario():
        world = World()
        async with world.held("x-aim-stream: true") as (reader, _):
            head = await read_head(reader)
            assert head.get("content-type").startswith("text/event-stream")
            assert await reader.readuntil(b"\n\n\r\n") == b"23\r\n: waiting for the model. load ing\n\n\r\n"
            async with world.replica(answer):
                rest = await reader.read()
                assert rest.endswith(end)
        return rest

    found = run(scenario)
    if b" 500 " in answer:
        assert b"the model answered with status 500" in found


def test_a_replica_that_dies_within_a_stream_is_no_end_of_it():
    async def scenario():
        world = World()
        async with world.held("x-aim-stream: true") as (reader, _):
            await read_head(reader)
            await reader.readuntil(b"\n\n\r\n")
            async with world.replica(b""):
                assert not (await reader.read()).endswith(b"0\r\n\r\n")

    run(scenario)


@pytest.mark.parametrize(
    ("bounds", "headers", "status", "outcome"),
    [
        ({"requests": 0}, (), 503, "not held"),
        ({"bytes": 3}, ("content-length: 4",), 429, "too many"),
        ({"bytes": 100}, ("transfer-encoding: chunked",), 429, "too many"),
    ],
)
def test_past_the_bounds_it_is_refused_at_once(bounds, headers, status, outcome):
    async def scenario():
        async with World(**bounds).held(*headers) as (reader, _):
            head = await read_head(reader)
            body = json.loads(await reader.read())
        return head, body

    before = outcomes(outcome)
    head, body = run(scenario)
    assert (head.first[1], head.get("content-type")) == (str(status), "application/json")
    assert int(head.get("retry-after")) > 0
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert outcomes(outcome) == before + 1


@pytest.mark.parametrize("streams", [False, True])
def test_it_waits_no_longer_than_it_may(streams):
    async def scenario():
        world = World(seconds=1)
        async with world.held(f"x-aim-stream: {str(streams).lower()}") as (reader, _):
            return await reader.read()

    found = run(scenario)
    assert b"model_unavailable" in found
    assert found.startswith(b"HTTP/1.1 200" if streams else b"HTTP/1.1 503")
    assert found.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") is streams


def test_what_is_not_in_the_table_or_leaves_it_is_unknown():
    async def scenario():
        world = World()
        async with world.held(name="team-a/other/a") as (reader, _):
            assert b"model_not_found" in await reader.read()
        async with world.held() as (reader, _):
            await until(lambda: world.holder.held[NAME] == 1)
            world.there = False
            found = await reader.read()
            assert b"model_not_found" in found
            assert b"retry-after" not in found

    run(scenario)


def test_a_suspended_model_is_not_waited_for():
    """Neither by who comes then, nor by those who wait already; a replica that is left answers without the agent."""

    async def scenario():
        world, found = World(), []
        async with world.held() as (reader, _):
            await until(lambda: world.holder.held[NAME] == 1)
            world.progress = SUSPENDED
            found.append(await reader.read())
        async with world.held() as (reader, _):
            found.append(await reader.read())
        return found

    before = outcomes("suspended")
    for found in run(scenario):
        assert found.startswith(b"HTTP/1.1 503")
        assert b"model_suspended" in found
        assert b"retry-after: 300" in found
    assert outcomes("suspended") == before + 2


def test_a_request_for_a_track_that_is_gone_waits_for_the_other_one():
    async def scenario():
        world = World()
        async with world.held("content-length: 2", body=b"{}", name=f"{NAME[:-1]}z") as (reader, _):
            await until(lambda: world.holder.held[f"{NAME[:-1]}z"] == 1)
            async with world.replica(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"):
                assert (await reader.read()).endswith(b"ok")

    run(scenario)


def test_a_client_that_has_gone_waits_no_more():
    async def scenario():
        world = World()
        async with world.held() as (_, writer):
            await until(lambda: world.holder.held[NAME] == 1)
            writer.close()
            await until(lambda: world.holder.held[NAME] == 0)

    before = outcomes("gone")
    run(scenario)
    assert outcomes("gone") == before + 1


def test_a_client_that_goes_while_it_is_answered_ends_it_at_the_replica():
    async def scenario():
        world = World()
        async with world.replica(b"HTTP/1.1 200 OK\r\n\r\n", stays=True), world.held() as (reader, writer):
            assert await reader.read(100)
            writer.close()
            await world.stopped.wait()

    run(scenario)


def test_a_replica_that_cannot_be_reached_is_waited_for_again(monkeypatch):
    async def scenario():
        world = World()
        lies, real = [["127.0.0.1"], []], waiting.answering

        async def answering(target):
            return lies.pop(0) if lies else await real(target)

        monkeypatch.setattr(waiting, "answering", answering)
        async with world.held() as (reader, _):
            await until(lambda: not lies)
            async with world.replica(WHOLE):
                assert await reader.read() == WHOLE

    run(scenario)


def test_all_who_wait_are_let_go_by_and_by(monkeypatch):
    async def scenario():
        world = World()
        line = waiting.WaitingLine(lambda: world.table().target(NAME))
        turns = [line.join() for _ in range(20)]
        turns[0].cancel()
        looks = []

        async def answering(_):
            looks.append(sum(one.done() for one in turns))
            return ["10.0.0.1", "10.0.0.2"]

        monkeypatch.setattr(waiting, "answering", answering)
        found = await asyncio.gather(*turns[1:])
        assert looks == [1, 9]
        assert [found.count(one) for one in ("10.0.0.1", "10.0.0.2")] == [10, 9]
        await asyncio.sleep(0.05)
        assert line._looking.done()

    run(scenario)


@pytest.mark.parametrize("name", ["no-such-name.invalid", "localhost"])
def test_a_name_without_an_answer_has_no_replica(name):
    target = World().table().target(NAME).model_copy(update={"host": name})
    assert run(lambda: waiting.answering(target)) == []


@pytest.mark.parametrize("raw", [b"odd\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"GET /" + b"a" * 100_000])
def test_what_is_no_http_is_no_request(raw):
    async def scenario():
        reader = asyncio.StreamReader()
        reader.feed_data(raw)
        with pytest.raises(HeadError):
            await read_head(reader)

    run(scenario)
