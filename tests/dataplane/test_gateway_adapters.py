"""LoRA adapters behind a real Envoy: names of models like any other, for requests, keys and counts."""

from collections.abc import Iterator

import pytest
from openai import NotFoundError, OpenAI, PermissionDeniedError

from tests.dataplane import gateway, openai_client
from tests.dataplane.gateway import Engines, Gateway
from tests.dataplane.test_gateway import until_healthy

KEYS = {"team-red": ["key-of-red"], "team-blue": ["key-of-blue"]}
SECONDS = 30
MODEL, OTHER, ADAPTERS = "Qwen/Qwen3-32B", "Qwen/Qwen3-8B", ("acme/chat", "sql")
WORDS = ("--enable-lora", "--max-loras", "2", "--max-lora-rank", "16", "--lora-modules", "sql=/sql", "acme/chat=/chat")


@pytest.fixture(scope="module")
def engines(names, tmp_path_factory) -> Iterator[Engines]:
    """Two replicas of a model with two adapters, and one of another model."""
    with gateway.engines(names, tmp_path_factory.mktemp("engines")) as made:
        made.add("tuned-pods", MODEL, 2, *WORDS)
        made.add("other-pods", OTHER, 1)
        yield made


@pytest.fixture(scope="module")
def envoy(engines, tmp_path_factory) -> Iterator[Gateway]:
    """An Envoy in front of them; one of the clients may use one adapter and nothing else."""
    tuned = [{"name": name, "targets": [engines.target("tuned-pods")]} for name in (MODEL, *ADAPTERS)]
    other = {"name": OTHER, "targets": [engines.target("other-pods")]}
    table = {"models": [*tuned, other], "limits": [{"client": "team-blue", "models": ["sql"]}]}
    with gateway.started(tmp_path_factory.mktemp("envoy"), table, KEYS) as made:
        until_healthy(made, "tuned-pods")
        until_healthy(made, "other-pods", count=1)
        yield made


def client(envoy, key):
    return OpenAI(base_url=f"{envoy.url}/v1", api_key=key, max_retries=0)


def test_an_adapter_is_listed_described_and_answered_as_a_model_is(envoy):
    with client(envoy, "key-of-red") as red:
        assert [one.id for one in red.models.list()] == sorted([MODEL, OTHER, *ADAPTERS])
        for name in (MODEL, OTHER, *ADAPTERS):
            assert red.models.retrieve(name).id == name
            assert red.chat.completions.create(model=name, messages=openai_client.QUESTION).model == name
        with pytest.raises(NotFoundError):
            red.chat.completions.create(model="poetry", messages=openai_client.QUESTION)


def test_a_client_may_use_an_adapter_and_not_its_model(envoy):
    with client(envoy, "key-of-blue") as blue:
        assert [one.id for one in blue.models.list()] == ["sql"]
        assert blue.chat.completions.create(model="sql", messages=openai_client.QUESTION).model == "sql"
        for name in (MODEL, "acme/chat"):
            with pytest.raises(PermissionDeniedError):
                blue.chat.completions.create(model=name, messages=openai_client.QUESTION)


def test_a_name_of_one_version_alone_is_never_asked_of_the_other(envoy, engines):
    new = ("--enable-lora", "--max-loras", "1", "--max-lora-rank", "16", "--lora-modules", "poetry=/poetry")
    [address] = engines.add("tried-pods", MODEL, 1, *new)
    serves, tried = engines.target("tuned-pods"), engines.target("tried-pods")
    fallback = {"host": serves["host"], "port": serves["port"]}
    shared = [serves | {"weight": 1}, tried | {"weight": 1, "fallback": fallback}]
    alone = tried | {"name": f"{tried['name']}-alone"}
    served = [{"name": MODEL, "targets": shared}, {"name": "poetry", "targets": [alone]}]
    envoy.take({"models": served}, KEYS)
    envoy.process.wait_until(lambda: envoy.chat("poetry").status_code == 200, SECONDS)
    assert {envoy.chat("poetry", str(at)).status_code for at in range(20)} == {200}
    engines.kill(address)
    replies = [envoy.chat("poetry", str(at)) for at in range(20)]
    assert {(one.status_code, one.json()["error"]["code"]) for one in replies} == {(503, "model_unavailable")}
    assert {envoy.chat(MODEL, str(at)).status_code for at in range(20)} == {200}
