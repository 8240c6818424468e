"""A client with a key that sends many large bodies, and none of them to its end."""

import socket
import time
from contextlib import ExitStack

import pytest

from aimlib.gateway import listener, render
from aimlib.gateway.overload import overload_manager
from tests.dataplane import commands, gateway
from tests.dataplane.test_gateway import error, until_healthy

KEYS = {"team-red": ["key-of-red"]}
MODEL = "small"
SMALL_HEAP = 120 * 2**20
LOOKS_SECONDS = 1
"""How often Envoy looks at its memory."""
BODY = b'{"model": "small", "x": "' + b"x" * 20_000_000


@pytest.fixture(scope="module")
def envoy_and_engine(names, tmp_path_factory):
    """An Envoy that may have little memory and gives requests little time, and the address of its engine."""
    with (
        pytest.MonkeyPatch.context() as patch,
        gateway.engines(names, tmp_path_factory.mktemp("engines")) as engines,
    ):
        addresses = engines.add(f"{MODEL}-pods", MODEL, 1)
        patch.setattr(render, "overload_manager", lambda: overload_manager(SMALL_HEAP))
        patch.setattr(listener, "BODY_SECONDS", 10)
        table = {"models": [{"name": MODEL, "targets": [engines.target(f"{MODEL}-pods")]}]}
        with gateway.started(tmp_path_factory.mktemp("envoy"), table, KEYS) as made:
            until_healthy(made, f"{MODEL}-pods", count=1)
            yield made, addresses[0]


def begun(envoy):
    """The connection of a request that never arrives whole, and whether Envoy has taken so much of it."""
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    head += "authorization: Bearer key-of-red\r\ncontent-length: 30000000\r\n\r\n"
    connection = socket.create_connection((envoy.address, gateway.PORT), timeout=30)
    try:
        connection.sendall(head.encode() + BODY)
    except OSError:
        return connection, False
    return connection, True


def test_large_and_slow_bodies_end_neither_envoy_nor_those_who_are_served(envoy_and_engine):
    envoy, engine = envoy_and_engine
    commands.command(engine, token_seconds=0.2)
    asked = {"model": MODEL, "messages": [], "stream": True}
    with ExitStack() as stack:
        pieces = stack.enter_context(envoy.post("/v1/chat/completions", asked, stream=True)).iter_lines()
        next(pieces)
        taken = [True]
        while taken[-1] and len(taken) < 20:
            connection, whole = begun(envoy)
            stack.enter_context(connection)
            taken.append(whole)
            time.sleep(LOOKS_SECONDS / 4)
        assert taken[1]
        assert not taken[-1], "what came after was refused"
        error(envoy.chat(MODEL), 503, "model_unavailable")
        assert b"data: [DONE]" in [*pieces]
    commands.command(engine, token_seconds=0)
    envoy.process.wait_until(lambda: envoy.chat(MODEL).status_code == 200, 60)


def test_a_request_that_does_not_arrive_is_refused(envoy_and_engine):
    envoy, _ = envoy_and_engine
    connection, whole = begun(envoy)
    with connection:
        assert whole
        reply = connection.recv(4096)
        assert reply.startswith(b"HTTP/1.1 408 ")
        assert b'"code": "request_timeout"' in reply
