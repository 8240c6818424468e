"""A real engine behind a shipped endpoint: with a shipped recipe, from a cache, for a real client and Prometheus."""

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from aimlib.telemetry import live_metrics
from hooks.endpoint import report as endpoint_report
from hooks.server.observers import prometheus as observer
from tests.cluster.operator import own_account
from tests.cluster.plane import ROOT
from tests.e2e import caches
from tests.e2e.conftest import space_for
from tests.e2e.hookserver import within
from tests.e2e.space import Space, endpoint
from tests.engines import tiny_model
from tests.engines.kubelet import NODES
from tests.hub import Hub
from tests.monitoring import prometheus
from tests.monitoring.targets import RULES, shipped

pytestmark = pytest.mark.engines

RECIPE = "qwen3-0-6b-cpu-bf16"
MODEL = "Qwen/Qwen3-0.6B"
NAME = "vllm"
"""As the engine: of a Service of that name a kubelet tells the containers beside it in VLLM_PORT."""
START_SECONDS = 400
"""From a pod to its first answer: the engine compiles the model, on two cores that are in use."""
CLIENT = Path(__file__).parent / "client.py"


@pytest.fixture(scope="module")
def monitored(engine_plane, tmp_path_factory) -> Iterator[prometheus.Prometheus]:
    """A Prometheus with the shipped rules and configuration for the pods of endpoints, which it finds by itself."""
    [job] = [one for one in shipped() if one["job_name"] == "aim-endpoints"]
    for discovery in job["kubernetes_sd_configs"]:
        discovery["kubeconfig_file"] = str(engine_plane.kubeconfig)
    often = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), "1s")
    config = {"global": often, "rule_files": [str(rules) for rules in RULES], "scrape_configs": [job]}
    with prometheus.started(config, tmp_path_factory.mktemp("prometheus")) as started:
        yield started


@pytest.fixture(scope="module")
def hooks(engine_plane, engine_operator, monitored) -> Iterator[None]:
    """A hook server that asks this Prometheus, where what is waited for takes a second or two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observer, "QUERY_INTERVAL", timedelta(seconds=1))
        patch.setattr(observer, "MAX_AGE", timedelta(seconds=5))
        patch.setattr(live_metrics, "HOLD_TIME", timedelta(seconds=1))
        patch.setattr(endpoint_report, "RESYNC_SECONDS", 2)
        account = str(own_account(engine_plane, "aim-hooks", "aim-system"))
        environment = {"KUBECONFIG": account, "AIM_OBSERVE": "pods,prometheus", "AIM_PROMETHEUS_URL": monitored.url}
        with within(engine_plane, engine_operator, **environment):
            yield


@pytest.fixture(scope="module")
def chat(engine_plane, hooks) -> Iterator[Space]:  # noqa: ARG001 - must be there
    """The namespace of an endpoint that serves."""
    with Hub() as hub, space_for(engine_plane, "serving") as space:
        hub.add(MODEL, tiny_model.files())
        space.apply(caches.cache("models", hub, MODEL))
        caches.cached(space, "models", MODEL)
        space.apply(endpoint(NAME, modelId=MODEL, gpuCount=0, monitoring={"enabled": True}))
        space.ready(NAME, seconds=START_SECONDS)
        yield space


@pytest.fixture(scope="module")
def answered(chat, programs) -> dict:
    """What the client of OpenAI was answered at the address in the status."""
    url = chat.get("aimendpoint", NAME)["status"]["endpoints"]["internal"].removesuffix("/v1")
    command = [programs / "python", CLIENT, f"{url}/v1", MODEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=chat.plane.folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_shipped_recipe_runs_as_it_is_from_the_cache(chat):
    status = chat.get("aimendpoint", NAME)["status"]
    assert status["phase"] == "Ready"
    assert status["selectedRecipe"]["name"] == RECIPE
    assert status["cache"]["name"] == "models"
    [pod] = caches.servers(chat, NAME)
    assert pod["spec"]["nodeName"] in NODES
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
    recipe = yaml.safe_load((ROOT / "recipes" / f"{RECIPE}.yaml").read_text())
    [configuration] = recipe["spec"]["configurations"]
    words = " ".join(pod["spec"]["containers"][0]["args"])
    assert all(argument.replace("=", " ") in words for argument in configuration["args"])


def test_a_chat_is_answered_at_the_address_in_the_status(answered):
    assert answered["models"] == [MODEL]
    assert answered["finish"] in {"length", "stop"}
    assert answered["text"]
    assert 0 < answered["tokens"] <= 12


def test_a_stream_has_the_same_answer_in_pieces(answered):
    assert len(answered["pieces"]) > 1
    assert "".join(answered["pieces"]) == answered["text"]
    assert answered["streamed_tokens"] == answered["tokens"]


def test_its_metrics_reach_the_status_by_way_of_prometheus(chat, answered, programs, monitored):  # noqa: ARG001 - was asked
    def metrics():
        return chat.get("aimendpoint", NAME)["status"].get("metrics", {})

    monitored.wait_for(lambda: monitored.query("vllm:num_requests_running"))
    chat.wait("metrics without a reason", lambda: metrics() and "reason" not in metrics())
    url = chat.get("aimendpoint", NAME)["status"]["endpoints"]["internal"].removesuffix("/v1")
    command = [programs / "python", CLIENT, f"{url}/v1", MODEL]

    def after_a_question():
        # A rate takes two scrapes with a change between them.
        subprocess.run(command, capture_output=True, check=True, timeout=300)
        return metrics().get("throughput", 0) > 0

    chat.wait("a rate of requests", after_a_question, 120)
    told = metrics()
    assert told["latency"] > 0
    assert told["tokensPerSecond"] > 0
    assert (told["requestsRunning"], told["requestsWaiting"]) == (0, 0)
    assert 0 <= told["kvCacheUtilization"] <= 100
