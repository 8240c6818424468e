"""Rendered files in a real Envoy, before simulated engines."""

import http.client
import json
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import requests
from openai import OpenAI

from tests.dataplane import commands, gateway, openai_client
from tests.dataplane.gateway import Engines, Gateway
from tests.dataplane.simulated.server import HITS, WHO

KEYS = {"team-red": ["key-of-red"], "team-blue": ["key-of-blue", "next-key-of-blue"]}
TWO = ("Qwen/Qwen3-32B", "small")


@pytest.fixture(scope="module")
def engines(names, tmp_path_factory) -> Iterator[Engines]:
    """Two models of two replicas, and one replica of a third."""
    with gateway.engines(names, tmp_path_factory.mktemp("engines")) as made:
        made.add("large-pods", TWO[0], 2)
        made.add("small-pods", TWO[1], 2)
        made.add("other-pods", TWO[1], 1)
        yield made


@pytest.fixture(scope="module")
def envoy(engines, tmp_path_factory) -> Iterator[Gateway]:
    """An Envoy in front of them."""
    with gateway.started(tmp_path_factory.mktemp("envoy"), usual(engines), KEYS) as made:
        until_healthy(made, "large-pods", "small-pods")
        yield made


def usual(engines, **more):
    """The table of two models."""
    served = [
        {"name": TWO[0], "targets": [engines.target("large-pods")]},
        {"name": TWO[1], "targets": [engines.target("small-pods")]},
    ]
    return {"models": served, **more}


def until_healthy(envoy, *services, count=2):
    """Wait until Envoy knows that so many pods of each answer."""
    name = "cluster.team-a/{}/a.membership_healthy"
    envoy.process.wait_until(lambda: all(envoy.counts().get(name.format(one)) == count for one in services), 60)


def who(reply):
    return reply.headers[WHO].rpartition(":")[0]


def behind(engines, service):
    return {*engines.names.own[engines.host(service)]}


def last_asked(reply):
    """What the engine that answered was asked last."""
    return json.loads(commands.request(who(reply), "/simulation").body)["requests"][-1]


def test_each_model_is_answered_by_its_own_pods(envoy, engines):
    for service, model in (("large-pods", TWO[0]), ("small-pods", TWO[1])):
        replies = [envoy.chat(model, f"{at} {model}") for at in range(20)]
        assert {(one.status_code, one.json()["model"]) for one in replies} == {(200, model)}
        assert {who(one) for one in replies} == behind(engines, service)


def test_the_client_of_openai_is_answered(envoy):
    with OpenAI(base_url=f"{envoy.url}/v1", api_key="key-of-red", max_retries=0) as client:
        assert [one.id for one in client.models.list()] == sorted(TWO)
        events = client.chat.completions.create(model=TWO[0], messages=openai_client.QUESTION, stream=True)
        with closing(events):
            pieces = [event.choices[0].delta.content for event in events]
    assert len(pieces) > 10


def test_a_beginning_that_came_before_goes_to_the_same_replica(envoy):
    text = "The same beginning, over and over again. " * 80
    replies = [envoy.chat(TWO[0], f"{text}{at}") for at in range(20)]
    assert len({who(one) for one in replies}) == 1
    assert [int(one.headers[HITS]) > 500 for one in replies[1:]] == [True] * 19


def test_more_than_one_replica_takes_is_shared(envoy, engines):
    for address in behind(engines, "large-pods"):
        commands.command(address, first_token_seconds=2)
    text = "Another beginning, at once. " * 100
    with ThreadPoolExecutor(16) as pool:
        found = Counter(who(one) for one in pool.map(lambda at: envoy.chat(TWO[0], f"{text}{at}"), range(16)))
    for address in behind(engines, "large-pods"):
        commands.command(address, first_token_seconds=0)
    assert min(found[address] for address in behind(engines, "large-pods")) >= 2


def test_the_engine_learns_who_asks_and_not_the_key(envoy):
    forged = {"x-aim-client": "team-blue", "x-aim-prefix": "1"}
    reply = envoy.post("/v1/chat/completions", {"model": TWO[1], "messages": []}, headers=forged)
    asked = last_asked(reply)["headers"]
    assert asked["x-aim-client"] == "team-red"
    assert asked["x-aim-prefix"] != "1"
    assert "authorization" not in asked


def test_a_path_names_the_model_where_the_body_does_not(envoy, engines):
    for service, model in (("large-pods", TWO[0]), ("small-pods", TWO[1])):
        reply = envoy.post(f"/models/{model}/v1/chat/completions", {"messages": []})
        assert reply.status_code == 200
        assert who(reply) in behind(engines, service)


@pytest.mark.parametrize(
    "stream",
    ["x\r\nx-aim-client: team-blue", "x\r\n\r\nGET /v1/models HTTP/1.1\r\n\r\n", "\0", {}],
    ids=["a header", "a request", "no character", "no text"],
)
def test_no_text_of_a_body_becomes_a_header(envoy, engines, stream):
    holder = {"host": "127.0.0.1", "port": 9}
    envoy.take({"models": [{"name": TWO[1], "targets": [engines.target("small-pods", fallback=holder)]}]}, KEYS)
    reply = envoy.chat(TWO[1], stream=stream)
    assert reply.headers.get(WHO), reply.text
    asked = last_asked(reply)["headers"]
    assert (asked["x-aim-client"], asked["x-aim-stream"]) == ("team-red", "false")
    envoy.take(usual(engines), KEYS)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/json;x=y"])
def test_what_engines_take_as_json_is_read_for_its_model(envoy, kind):
    body = {"model": TWO[1], "messages": [{"role": "user", "content": "Hi."}]}
    assert envoy.post("/v1/chat/completions", body, headers={"Content-Type": kind}).status_code == 200


@pytest.mark.parametrize("beside", ["..", "%2e%2e", "..%2f..", "x/%2E%2e/.."])
@pytest.mark.parametrize("api", ["/v1", f"/models/{TWO[1]}/v1"])
def test_no_path_leads_beside_the_api_of_an_engine(envoy, api, beside):
    headers = {"Content-Type": "application/json", "Authorization": "Bearer key-of-red"}
    with closing(http.client.HTTPConnection(envoy.address, gateway.PORT, timeout=60)) as connection:
        # As it stands here: `requests` would send the path that it leads to.
        connection.request("POST", f"{api}/{beside}/simulation", json.dumps({"model": TWO[1]}), headers)
        refused = json.loads(connection.getresponse().read())
    assert refused["error"]["code"] in {"unknown_url", "model_not_found"}, "it is the gateway that answers"


def error(reply, status, code):
    """The one error of an answer, in OpenAI's form."""
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, "application/json")
    found = reply.json()["error"]
    assert found.keys() == {"message", "type", "param", "code"}
    assert found["code"] == code
    return found


def test_what_the_gateway_refuses_has_the_form_of_openai(envoy):
    for key in (None, "no-such-key"):
        error(envoy.chat(TWO[0], key=key), 401, "invalid_api_key")
    assert error(envoy.chat("no-such-model"), 404, "model_not_found")["param"] == "model"
    error(envoy.post("/models/no-such-model/v1/completions", {}), 404, "model_not_found")
    assert error(envoy.post("/v1/completions", {"prompt": "Hi."}), 400, "missing_model")["param"] == "model"
    error(envoy.post("/v1/completions", "{no json"), 400, "missing_model")
    error(envoy.post("/nothing", {"model": TWO[0]}), 404, "unknown_url")
    large = {"x-note": "x" * 70_000}
    error(envoy.post("/v1/chat/completions", {"model": TWO[0]}, headers=large), 431, "headers_too_large")
    # What an engine refuses passes as it is.
    assert envoy.chat(TWO[0], max_tokens=10**6).json()["error"]["type"] == "BadRequestError"


MALFORMED = {
    "no HTTP": b"hello there",
    "a header without a colon": b"GET /v1/models HTTP/1.1\r\nHost: x\r\nodd",
    "a length that is none": b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: many",
    "no host": b"GET /v1/models HTTP/1.1",
    "a path with an end": b"GET /v1/%00 HTTP/1.1\r\nHost: x",
}
WEBSOCKET = b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket"
TUNNEL = b"CONNECT x:80 HTTP/1.1\r\nHost: x"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        *((one, 400, "malformed_request") for one in MALFORMED.values()),
        (WEBSOCKET, 403, "upgrade_not_supported"),
        (TUNNEL, 401, "invalid_api_key"),
    ],
    ids=[*MALFORMED, "a WebSocket", "a tunnel"],
)
def test_what_is_no_request_is_answered_in_the_form_of_openai_too(envoy, sent, status, code):
    address = urlsplit(envoy.url)
    with closing(socket.create_connection((address.hostname, address.port), 10)) as connection:
        connection.sendall(sent + b"\r\n\r\n")
        reply = http.client.HTTPResponse(connection, method="GET")
        reply.begin()
        found = json.loads(reply.read())["error"]
    assert (reply.status, found["code"], set(found)) == (status, code, {"message", "type", "param", "code"})
    assert reply.headers["Content-Type"] == "application/json"


def test_a_prompt_of_megabytes_arrives_and_one_that_is_too_large_is_refused(envoy, engines):
    envoy.take(usual(engines, maxRequestBytes=10 * 2**20), KEYS)
    reply = envoy.post("/v1/embeddings", {"model": TWO[1], "input": "x" * (8 * 2**20)})
    assert (reply.status_code, reply.json()) == (404, {"detail": "Not Found"})  # by the engine, which has no such path
    error(envoy.chat(TWO[1], "x" * (11 * 2**20)), 413, "request_too_large")
    envoy.take(usual(engines), KEYS)


def test_a_client_may_use_what_its_row_has(envoy, engines):
    envoy.take(usual(engines, limits=[{"client": "team-blue", "models": [TWO[1]]}]), KEYS)
    listed = {}
    for key in ("key-of-red", "next-key-of-blue"):
        headers = {"Authorization": f"Bearer {key}"}
        reply = requests.get(f"{envoy.url}/v1/models", headers=headers, timeout=10)
        listed[key] = [one["id"] for one in reply.json()["data"]]
    assert listed == {"key-of-red": [*TWO], "next-key-of-blue": [TWO[1]]}
    assert envoy.chat(TWO[1], key="key-of-blue").status_code == 200
    assert error(envoy.chat(TWO[0], key="key-of-blue"), 403, "model_not_allowed")["param"] == "model"
    path = f"/models/{TWO[0]}/v1/completions"
    error(envoy.post(path, {"prompt": "Hi."}, key="key-of-blue"), 403, "model_not_allowed")
    assert envoy.chat(TWO[0]).status_code == 200
    envoy.take(usual(engines), KEYS)


def test_a_limit_holds_for_one_client_alone(envoy, engines):
    envoy.take(usual(engines, limits=[{"client": "team-blue", "requestsPerMinute": 50}]), KEYS)
    replies = [envoy.chat(TWO[1], key="key-of-blue") for _ in range(5)]
    assert {one.status_code for one in replies} == {200}
    more = [envoy.chat(TWO[1], key=key) for _ in range(3) for key in KEYS["team-blue"]]
    [refused, *_] = [one for one in more if one.status_code != 200]
    error(refused, 429, "rate_limit_exceeded")
    assert int(refused.headers["retry-after"]) > 0
    assert refused.headers["x-ratelimit-limit"].startswith("5")
    assert [envoy.chat(TWO[1]).status_code for _ in range(20)] == [200] * 20
    envoy.take(usual(engines), KEYS)


def test_tokens_are_charged_when_a_request_comes(envoy, engines):
    limits = [{"client": "team-blue", "reservedTokensPerMinute": 6000}]
    envoy.take(usual(engines, limits=limits), KEYS)
    # 2,000 each, and some of the prompt; what the answer does not bound is 1,024.
    replies = [envoy.chat(TWO[1], key="key-of-blue", max_tokens=2000) for _ in range(3)]
    assert [one.status_code for one in replies] == [200, 200, 429]
    error(replies[-1], 429, "rate_limit_exceeded")
    assert envoy.chat(TWO[1], key="key-of-blue").status_code == 200
    assert envoy.chat(TWO[1], "x" * 24_000, key="key-of-blue", max_tokens=1).status_code == 429
    assert [envoy.chat(TWO[1], max_tokens=2000).status_code for _ in range(5)] == [200] * 5
    envoy.take(usual(engines, anonymous=True, limits=[{"client": "*", "reservedTokensPerMinute": 3000}]), KEYS)
    assert [envoy.chat(TWO[1], key=None, max_tokens=2000).status_code for _ in range(2)] == [200, 429]
    envoy.take(usual(engines), KEYS)


@pytest.mark.parametrize(
    ("path", "bounds"),
    [
        ("chat/completions", {"max_tokens": 5000, "max_completion_tokens": 1}),
        ("completions", {"max_tokens": 5000, "max_completion_tokens": 1}),
        ("completions", {"max_tokens": 50, "n": 100}),
        ("completions", {"max_tokens": 50, "best_of": 100}),
        ("completions", {"max_tokens": 50, "prompt": ["Hi."] * 100}),
        ("completions", {"max_tokens": 5, "n": 10, "prompt": [[1, 2]] * 100}),
        ("chat/completions", {"max_output_tokens": 1}),
        ("chat/completions?/responses", {"max_output_tokens": 1}),
        ("responses", {"max_tokens": 1}),
        ("response%73", {"max_completion_tokens": 1}),
    ],
    ids=str,
)
def test_a_bound_that_binds_no_engine_makes_no_request_cheaper(envoy, engines, path, bounds):
    least = 5000 if 5000 in bounds.values() or len(bounds) > 1 else 1024
    limits = [{"client": "team-blue", "reservedTokensPerMinute": least}]
    envoy.take(usual(engines, limits=limits), KEYS)
    body = {"model": TWO[1], "prompt": "Hi.", "messages": [], **bounds}
    error(envoy.post(f"/v1/{path}", body, key="key-of-blue"), 429, "rate_limit_exceeded")
    envoy.take(usual(engines), KEYS)


@pytest.mark.parametrize(
    ("body", "least"),
    [({"max_tokens": 5000}, 5000), ({"max_tokens": 50, "prompt": ["Hi."] * 100}, 5000), ({}, 1024)],
    ids=["bounded", "of many prompts", "not bounded"],
)
def test_a_body_that_names_no_model_is_charged_where_its_path_does(envoy, engines, body, least):
    envoy.take(usual(engines, limits=[{"client": "team-blue", "reservedTokensPerMinute": least}]), KEYS)
    path = f"/models/{TWO[1]}/v1/completions"
    error(envoy.post(path, {"prompt": "Hi.", **body}, key="key-of-blue"), 429, "rate_limit_exceeded")
    envoy.take(usual(engines), KEYS)


def test_a_request_takes_no_longer_than_the_table_has_it(envoy, engines):
    envoy.take(usual(engines, timeouts={"seconds": 1}), KEYS)
    for address in behind(engines, "small-pods"):
        commands.command(address, first_token_seconds=3)
    error(envoy.chat(TWO[1]), 504, "timeout")
    envoy.take(usual(engines), KEYS)
    assert envoy.chat(TWO[1]).status_code == 200
    for address in behind(engines, "small-pods"):
        commands.command(address, first_token_seconds=0)


def test_a_key_is_withdrawn_and_another_given_without_a_restart(envoy, engines):
    envoy.take(usual(engines), {"team-red": ["new-key"]})
    envoy.process.wait_until(lambda: envoy.chat(TWO[1], key="new-key").status_code == 200, 30)
    error(envoy.chat(TWO[1]), 401, "invalid_api_key")
    envoy.take(usual(engines), KEYS)
    envoy.process.wait_until(lambda: envoy.chat(TWO[1]).status_code == 200, 30)


def test_a_broken_file_is_refused_and_the_last_good_one_stays(envoy):
    good = envoy.text("rds.json")
    rejected = "http.gateway.rds.models.update_rejected"
    before = envoy.counts().get(rejected, 0)
    gateway.envoy.write(envoy.folder, {"rds.json": good.replace('"prefix"', '"no_such_field"')})
    envoy.process.wait_until(lambda: envoy.counts().get(rejected, 0) > before, 30)
    assert envoy.chat(TWO[1]).status_code == 200
    gateway.envoy.write(envoy.folder, {"rds.json": good})


def test_two_that_have_one_name_share_it_by_weight(envoy, engines):
    targets = [engines.target("small-pods", weight=80), engines.target("other-pods", weight=20)]
    envoy.take(usual(engines) | {"models": [{"name": TWO[1], "targets": targets}]}, KEYS)
    until_healthy(envoy, "other-pods", count=1)
    with ThreadPoolExecutor(8) as pool:
        found = Counter(who(one) for one in pool.map(lambda at: envoy.chat(TWO[1], str(at)), range(300)))
    [other] = behind(engines, "other-pods")
    assert 20 < found[other] < 100  # 60, and six standard deviations
    envoy.take(usual(engines), KEYS)


def test_a_stream_arrives_piece_by_piece_and_ends_with_its_client(envoy, engines):
    pods = behind(engines, "large-pods")
    for address in pods:
        commands.command(address, first_token_seconds=0, token_seconds=0.2)
    body = {"model": TWO[0], "messages": [], "stream": True}
    with envoy.post("/v1/chat/completions", body, stream=True) as reply:
        lines = reply.iter_lines()
        assert next(lines).startswith(b"data: ")
        assert waiting(pods, "running") == 1
    envoy.process.wait_until(lambda: waiting(pods, "running") == 0, 3)
    for address in pods:
        commands.command(address, token_seconds=0)


def waiting(pods, kind):
    pages = [commands.request(one, "/metrics").body.decode() for one in pods]
    lines = [line for page in pages for line in page.splitlines() if line.startswith(f"vllm:num_requests_{kind}{{")]
    return sum(float(line.split()[-1]) for line in lines)


def test_two_hundred_streams_at_once_are_all_answered(envoy, engines):
    for address in behind(engines, "large-pods"):
        commands.command(address, token_seconds=0.02)
    with ThreadPoolExecutor(200) as pool:
        replies = [*pool.map(lambda at: envoy.chat(TWO[0], str(at), stream=True), range(200))]
    for address in behind(engines, "large-pods"):
        commands.command(address, token_seconds=0)
    assert {one.status_code for one in replies} == {200}
    assert all(one.text.endswith("data: [DONE]\n\n") for one in replies)


def test_a_replica_that_dies_costs_no_request(envoy, engines):
    dead, other = engines.names.own[engines.host("large-pods")]
    envoy.chat(TWO[0])
    engines.kill(dead)
    with ThreadPoolExecutor(64) as pool:  # all of which find out at once
        replies = [*pool.map(lambda at: envoy.chat(TWO[0], str(at)), range(200))]
    assert {(one.status_code, one.ok and who(one)) for one in replies} == {(200, other)}


def test_a_canary_that_dies_falls_back_to_the_stable_track(envoy, engines):
    stable = {"host": engines.host("small-pods"), "port": commands.PORT}
    targets = [engines.target("small-pods"), engines.target("other-pods", fallback=stable)]
    envoy.take(usual(engines) | {"models": [{"name": TWO[1], "targets": targets}]}, KEYS)
    until_healthy(envoy, "other-pods", count=3)
    [canary] = behind(engines, "other-pods")
    assert canary in {who(envoy.chat(TWO[1], str(at))) for at in range(40)}
    engines.kill(canary)
    replies = [envoy.chat(TWO[1], str(at)) for at in range(40)]
    assert {one.status_code for one in replies} == {200}
    assert {who(one) for one in replies} == behind(engines, "small-pods")
    envoy.take(usual(engines), KEYS)


def test_a_model_without_pods_is_unavailable_for_now(envoy, engines):
    envoy.take(usual(engines) | {"models": [{"name": "cold", "targets": [engines.target("cold-pods")]}]}, KEYS)
    reply = envoy.chat("cold")
    error(reply, 503, "model_unavailable")
    assert int(reply.headers["retry-after"]) > 0
