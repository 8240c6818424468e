"""An engine behind a shipped endpoint: with a shipped recipe, from a cache, for a real client and Prometheus.

A simulated engine, and the real one with AIM_ENGINE=vllm.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

from tests.cluster.plane import ROOT, ControlPlane
from tests.dataplane import openai_client
from tests.dataplane.names import NODES
from tests.e2e import caches
from tests.e2e.conftest import space_for
from tests.e2e.space import Space, endpoint
from tests.engines import tiny_model
from tests.hub import Hub

RECIPE = "qwen3-0-6b-cpu-bf16"
MODEL = "Qwen/Qwen3-0.6B"
NAME = "vllm"
"""As the engine: of a Service of that name a kubelet tells the containers beside it in VLLM_PORT."""
START_SECONDS = 400
"""From a pod to its first answer: the engine compiles the model, on two cores that are in use."""


@contextmanager
def cached_model(plane: ControlPlane, namespace: str) -> Iterator[Space]:
    """A namespace with the model's files in a cache, for engines that reach no hub."""
    with Hub() as hub, space_for(plane, namespace) as space:
        hub.add(MODEL, tiny_model.files())
        space.apply(caches.cache("models", hub, MODEL))
        caches.cached(space, "models", MODEL)
        yield space


@pytest.fixture(scope="module")
def chat(live_plane, hooks) -> Iterator[Space]:  # noqa: ARG001 - must be there
    """The namespace of an endpoint that serves."""
    with cached_model(live_plane, "serving") as space:
        space.apply(endpoint(NAME, modelId=MODEL, gpuCount=0, monitoring={"enabled": True}))
        space.ready(NAME, seconds=START_SECONDS)
        yield space


@pytest.fixture(scope="module")
def answered(chat) -> openai_client.Answered:
    """What the client of OpenAI was answered at the address in the status."""
    return openai_client.ask(url_of(chat), MODEL)


def url_of(chat):
    return chat.get("aimendpoint", NAME)["status"]["endpoints"]["internal"].removesuffix("/v1") + "/v1"


def test_the_shipped_recipe_runs_as_it_is_from_the_cache(chat):
    status = chat.get("aimendpoint", NAME)["status"]
    assert status["phase"] == "Ready"
    assert status["selectedRecipe"]["name"] == RECIPE
    assert status["cache"]["name"] == "models"
    [pod] = caches.servers(chat, NAME)
    assert pod["spec"]["nodeName"].startswith(NODES)
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
    recipe = yaml.safe_load((ROOT / "recipes" / f"{RECIPE}.yaml").read_text())
    [configuration] = recipe["spec"]["configurations"]
    words = " ".join(pod["spec"]["containers"][0]["args"])
    assert all(argument.replace("=", " ") in words for argument in configuration["args"])


def test_a_chat_is_answered_at_the_address_in_the_status(answered):
    assert answered.models == [MODEL]
    assert answered.finish in {"length", "stop"}
    assert answered.text
    assert 0 < answered.tokens <= 12


def test_a_stream_has_the_same_answer_in_pieces(answered):
    assert len(answered.pieces) > 1
    assert "".join(answered.pieces) == answered.text
    assert answered.streamed_tokens == answered.tokens


def test_its_metrics_reach_the_status_by_way_of_prometheus(chat, answered, monitored):  # noqa: ARG001 - was asked
    def metrics():
        return chat.get("aimendpoint", NAME)["status"].get("metrics", {})

    monitored.wait_for(lambda: monitored.query("vllm:num_requests_running"))

    def after_a_question():
        # A rate takes two scrapes with a change between them: what was asked before the first is no traffic.
        openai_client.ask(url_of(chat), MODEL)
        return metrics().get("throughput", 0) > 0

    chat.wait("a rate of requests", after_a_question, 120)
    told = metrics()
    assert "reason" not in told
    assert told["latency"] > 0
    assert told["tokensPerSecond"] > 0
    assert (told["requestsRunning"], told["requestsWaiting"]) == (0, 0)
    assert 0 <= told["kvCacheUtilization"] <= 100
