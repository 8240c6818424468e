"""A simulated cluster to monitor: endpoints of both engines, GPUs, the state of objects, and the hook server."""

import json
from copy import deepcopy
from typing import Any

import yaml

from hooks.observability import metrics
from hooks.server.app import create_app
from tests.cases import TESTDATA, Case
from tests.monitoring.engines import ModelServer
from tests.monitoring.exporters import Assigned, DeviceExporter
from tests.monitoring.pages import Fixed
from tests.monitoring.targets import Target, endpoint_pod, exporter, own_pod
from tests.monitoring.traffic import IDLE, Traffic
from tests.playing import play
from tests.state_metrics.families import exposition, families
from tests.state_metrics.objects import golden
from tests.state_metrics.page import CONFIGURATION

CHAT, BATCH, LEGACY, QUIET = ("team-a", "chat"), ("team-b", "batch"), ("team-a", "legacy"), ("team-b", "quiet")
ENDPOINTS = {CHAT: "vllm", BATCH: "sglang", LEGACY: "vllm", QUIET: "sglang"}
"""Namespace and name of each endpoint, and its engine: `legacy` runs a vLLM with former names, nobody asks `quiet`."""
CACHE = ("team-a", "models")
MODEL = "Qwen/Qwen3-32B"


class HookServer:
    """The metrics page of the hook server in this process, which syncs an endpoint at every scrape."""

    def __init__(self) -> None:
        case = Case(TESTDATA / "endpoint" / "sync" / "a-model-alone-is-enough")
        self.body = json.dumps(play(case.kind, case.hook, case.world).request)
        self.client = create_app().test_client()

    def advance(self, seconds: float) -> None:  # noqa: ARG002 - one call, however long it was
        """Answer one good call and one that is none."""
        self.client.post("/endpoint/sync", data=self.body, content_type="application/json")
        self.client.post("/endpoint/sync", data="{}", content_type="application/json")

    def page(self) -> bytes:
        """What /metrics says."""
        return metrics.exposition()[0]


def state() -> bytes:
    """The page of kube-state-metrics: all golden objects, and the endpoints and the cache of this world."""
    objects = golden()
    endpoints = [one for one in objects if one["kind"] == "AIMEndpoint" and one["status"].get("selectedRecipe")]
    by_engine = {one["status"]["selectedRecipe"]["backend"]: one for one in endpoints}
    ready = next(one["status"] for one in endpoints if one["status"]["phase"] == "Ready")
    cache = next(one for one in objects if one["kind"] == "AIMCache" and one["status"]["phase"] == "Ready")
    added = [_named(by_engine[engine], *place) for place, engine in ENDPOINTS.items()]
    for one in added:
        one["status"] |= {key: ready[key] for key in ("phase", "conditions", "replicas")}
    configuration = yaml.safe_load(CONFIGURATION.read_text())
    return exposition(families(configuration, [*objects, *added, _named(cache, *CACHE)])).encode()


def _named(original: dict[str, Any], namespace: str, name: str) -> dict[str, Any]:
    found = deepcopy(original)
    found["metadata"].update({"namespace": namespace, "name": name})
    return found


class World:
    """What there is to scrape; a test may change the traffic of an endpoint, or the state, while it is scraped."""

    def __init__(self) -> None:
        self.traffic = {
            CHAT: Traffic(requests=3, seconds=3, cache=0.4),
            BATCH: Traffic(requests=6, seconds=9, waiting=4, errors=0.02, running=24, cache=0.8, preempted=0.5, gpu=96),
            LEGACY: Traffic(requests=1, seconds=5, running=4, cache=0.2, gpu=40),
            QUIET: IDLE,
        }
        self.state = Fixed(state())

    def targets(self) -> list[Target]:
        """All pods: two replicas of `chat`, one of every other endpoint, two exporters, the operator's own."""
        servers = (("chat-0", CHAT), ("chat-1", CHAT), ("batch-0", BATCH), ("legacy-0", LEGACY), ("quiet-0", QUIET))
        amd = [self._uses(*one) for one in servers if one[1] != LEGACY]
        nvidia = [self._uses(*one) for one in servers if one[1] == LEGACY]
        return [
            *(self._pod(number, *one) for number, one in enumerate(servers)),
            exporter("amd-exporter", DeviceExporter("amd", "mi300x-0", amd)),
            exporter("dcgm-exporter", DeviceExporter("nvidia", "h100-0", nvidia)),
            own_pod("aim-hooks", "https", HookServer()),
            own_pod("aim-state-metrics", "http", self.state),
        ]

    def _pod(self, number: int, pod: str, place: tuple[str, str]) -> Target:
        server = ModelServer(ENDPOINTS[place], MODEL, self.traffic[place], former=place == LEGACY, seed=number)
        return endpoint_pod(*place, pod, server)

    def _uses(self, pod: str, place: tuple[str, str]) -> Assigned:
        return Assigned(place[0], pod, 1, lambda: self.traffic[place].gpu)
