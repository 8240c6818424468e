"""What other clients ask of a gateway: one model, a key where those of Anthropic have it, pages in browsers."""

from collections.abc import Iterator

import pytest
import requests
from openai import NotFoundError, OpenAI

from tests.dataplane import gateway
from tests.dataplane.gateway import Engines, Gateway
from tests.dataplane.test_gateway import error, last_asked, until_healthy

KEYS = {"team-red": ["key-of-red"], "team-blue": ["key-of-blue"]}
LARGE, SMALL = "Qwen/Qwen3-32B", "small:1"
PAGE = "https://chat.example.com"


@pytest.fixture(scope="module")
def engines(names, tmp_path_factory) -> Iterator[Engines]:
    """A replica of each of two models."""
    with gateway.engines(names, tmp_path_factory.mktemp("engines")) as made:
        made.add("large-pods", LARGE, 1)
        made.add("small-pods", SMALL, 1)
        yield made


@pytest.fixture(scope="module")
def envoy(engines, tmp_path_factory) -> Iterator[Gateway]:
    """An Envoy in front of them, of which pages of one origin may read answers."""
    table = {
        "cors": [PAGE],
        "limits": [{"client": "team-blue", "models": [SMALL]}],
        "models": [
            {"name": LARGE, "targets": [engines.target("large-pods")]},
            {"name": SMALL, "targets": [engines.target("small-pods")]},
        ],
    }
    with gateway.started(tmp_path_factory.mktemp("envoy"), table, KEYS) as made:
        until_healthy(made, "large-pods", "small-pods", count=1)
        yield made


def get(envoy, path, key="key-of-red", **headers):
    return requests.get(f"{envoy.url}{path}", headers={"Authorization": f"Bearer {key}", **headers}, timeout=10)


def test_one_model_is_described_as_in_the_list(envoy):
    listed = get(envoy, "/v1/models").json()["data"]
    assert [one["id"] for one in listed] == [LARGE, SMALL]
    for path in (LARGE, LARGE.replace("/", "%2F"), LARGE.replace("/", "%2f")):
        assert get(envoy, f"/v1/models/{path}").json() == listed[0]
    for path in (SMALL, SMALL.replace(":", "%3A"), SMALL.replace(":", "%3a")):
        assert get(envoy, f"/v1/models/{path}").json() == listed[1]
    with OpenAI(base_url=f"{envoy.url}/v1", api_key="key-of-red", max_retries=0) as client:
        assert [client.models.retrieve(name).id for name in (LARGE, SMALL)] == [LARGE, SMALL]
        with pytest.raises(NotFoundError):
            client.models.retrieve("no-such-model")


def test_a_model_that_a_client_may_not_use_is_none_that_there_is(envoy):
    assert get(envoy, f"/v1/models/{SMALL}", "key-of-blue").json()["id"] == SMALL
    hidden, unknown = (get(envoy, f"/v1/models/{name}", "key-of-blue") for name in (LARGE, "no-such-model"))
    assert error(hidden, 404, "model_not_found") == error(unknown, 404, "model_not_found")
    error(get(envoy, f"/v1/models/{LARGE}", "no-such-key"), 401, "invalid_api_key")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "key-of-blue"},
        {"X-Api-Key": "Bearer key-of-blue"},
        {"Authorization": "Bearer key-of-blue", "x-api-key": "another"},
    ],
    ids=["alone", "as a bearer", "beside another"],
)
def test_a_key_may_be_where_clients_of_anthropic_have_it_and_goes_no_further(envoy, headers):
    reply = envoy.post("/v1/chat/completions", {"model": SMALL, "messages": []}, key=None, headers=headers)
    asked = last_asked(reply)["headers"]
    assert asked["x-aim-client"] == "team-blue"
    assert asked.keys().isdisjoint({"authorization", "x-api-key"})


def test_a_key_there_is_checked_as_any_other(envoy):
    for headers in ({"x-api-key": "no-such-key"}, {"x-api-key": ""}):
        reply = envoy.post("/v1/chat/completions", {"model": SMALL, "messages": []}, key=None, headers=headers)
        error(reply, 401, "invalid_api_key")
    body = {"model": LARGE, "messages": []}
    error(
        envoy.post("/v1/chat/completions", body, key=None, headers={"x-api-key": "key-of-blue"}),
        403,
        "model_not_allowed",
    )


def preflight(envoy, origin):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
    }
    return requests.options(f"{envoy.url}/v1/chat/completions", headers=headers, timeout=10)


def test_a_page_of_an_allowed_origin_may_read_answers_and_errors(envoy):
    reply = preflight(envoy, PAGE)
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == PAGE
    assert "authorization" in reply.headers["access-control-allow-headers"]
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in reply.headers
    body = {"model": LARGE, "messages": []}
    for key, status in (("key-of-red", 200), ("no-such-key", 401), ("key-of-blue", 403)):
        answer = envoy.post("/v1/chat/completions", body, key=key, headers={"Origin": PAGE})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, PAGE)
        assert answer.headers["access-control-expose-headers"] == "*"


@pytest.mark.parametrize(
    "origin", ["https://other.example.com", "http://chat.example.com", f"{PAGE}.example.org", "null"]
)
def test_a_page_of_another_origin_may_not(envoy, origin):
    reply = preflight(envoy, origin)
    assert reply.status_code == 401
    body = {"model": LARGE, "messages": []}
    for answer in (reply, envoy.post("/v1/chat/completions", body, headers={"Origin": origin})):
        # Engines themselves would answer with *.
        assert "access-control-allow-origin" not in answer.headers


def test_without_a_list_no_page_may(envoy, engines):
    envoy.take({"models": [{"name": LARGE, "targets": [engines.target("large-pods")]}]}, KEYS)
    assert preflight(envoy, PAGE).status_code == 401
    answer = envoy.post("/v1/chat/completions", {"model": LARGE, "messages": []}, headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (200, None)
