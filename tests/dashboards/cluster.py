"""The simulated cluster that the dashboards are tested on and drawn from, and all there is to scrape in it."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from tests.cluster.processes import free_ports
from tests.dashboards.clock import Clock
from tests.dashboards.hookserver import Calls, OwnPage, serving
from tests.dashboards.state import State
from tests.monitoring.engines import ModelServer
from tests.monitoring.exporters import Assigned, DeviceExporter
from tests.monitoring.gateways import GatewayPage, Use
from tests.monitoring.pages import Fixed, served
from tests.monitoring.targets import Target, endpoint_pod, exporter, gateway_pod, own_pod
from tests.monitoring.traffic import Traffic

HOUR = 3600
USUAL = {
    "team-a/chat": Traffic(requests=5, seconds=5, prompt_tokens=900, output_tokens=230, running=14, cache=0.5, gpu=78),
    "team-a/code": Traffic(
        requests=1.2, seconds=7, prompt_tokens=2400, output_tokens=420, running=6, cache=0.3, known=0.7, gpu=55
    ),
    "team-b/batch": Traffic(
        requests=2.4, seconds=18, prompt_tokens=3200, output_tokens=700, running=40, cache=0.66, preempted=0.05, gpu=93
    ),
    "team-b/summaries": Traffic(
        requests=0.6, seconds=11, prompt_tokens=6000, output_tokens=350, running=5, cache=0.4, gpu=47
    ),
}
"""The load of one replica of each endpoint that serves."""
CHAT, WAITED_FOR = "team-a/chat/a", "research/giant/a"
"""Targets of gateways: that of an endpoint, and of one that has no replica."""
PODS = {
    ("team-a/chat", 3): ("vllm", "mistralai/Ministral-3-14B-Instruct-2512", 1),
    ("team-a/code", 1): ("vllm", "Qwen/Qwen3-14B", 1),
    ("team-b/batch", 1): ("sglang", "deepseek-ai/DeepSeek-R1-0528", 8),
    ("team-b/summaries", 2): ("vllm", "meta-llama/Llama-3.3-70B-Instruct", 1),
}
"""Replicas of each; the engine, the model, and the GPUs of one. What runs on SGLang is on NVIDIA's here."""


def load(name: str, age: float) -> Traffic:
    """The load at a time, in seconds from now: it comes and goes, and in the last half hour `batch` gets too much."""
    usual = USUAL[name]
    wave = 1 + 0.35 * math.sin(age / HOUR * 2 * math.pi * 1.3 + len(name)) + 0.06 * math.sin(age / 97)
    now = replace(
        usual,
        requests=usual.requests * wave,
        running=round(usual.running * wave),
        cache=min(usual.cache * wave, 0.97),
        gpu=min(usual.gpu * (0.6 + 0.4 * wave), 100),
        seconds=usual.seconds * (0.8 + 0.2 * wave),
    )
    if name != "team-b/batch" or age < -HOUR / 2:
        return now
    late = min(1 + age / (HOUR / 2), 1)
    return replace(
        now,
        running=48,
        waiting=round(90 * late),
        cache=0.9 + 0.08 * late,
        gpu=99,
        seconds=now.seconds * (1 + 1.4 * late),
        queue_seconds=0.05 + 25 * late,
        errors=0.06 * late,
    )


class Replica:
    """A model server whose load follows the time."""

    def __init__(self, name: str, engine: str, model: str, past: float, seed: int) -> None:
        self.name, self.clock, self.traffic = name, Clock(past), load(name, -past)
        self.server = ModelServer(engine, model, self.traffic, seed=seed)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        went = self.clock.advance(seconds)
        self.traffic.__dict__.update(load(self.name, self.clock.now).__dict__)
        self.server.advance(went)

    def page(self) -> bytes:
        """What is scraped."""
        return self.server.page()


@contextmanager
def cluster(folder: Path, past: float) -> Iterator[list[Target]]:
    """All there is to scrape, `past` seconds before now: model servers, GPUs, objects, hook servers and their caller.

    Of two hook servers one can neither write its audit record, since there is no room for it, nor ask for Pods.
    """
    with ExitStack() as stack:
        pods = stack.enter_context(served(Fixed(b'{"kind": "PodList", "items": []}')))
        nowhere = free_ports(1)[0]
        urls = [
            stack.enter_context(serving("hooks-0", folder, f"http://127.0.0.1:{pods.port}", "/dev/null")),
            stack.enter_context(serving("hooks-1", folder, f"http://127.0.0.1:{nowhere}", "/dev/full")),
        ]
        yield [*_served(past), *_gateways(past), *_operator(urls, past)]


def _served(past: float) -> Iterator[Target]:
    """Replicas, and the exporters of the GPUs that they use."""
    gpus: dict[str, list[Assigned]] = {"amd": [], "nvidia": []}
    for (name, count), (engine, model, each) in PODS.items():
        namespace, _, endpoint = name.partition("/")
        for number in range(count):
            pod = f"{endpoint}-5d9c7-x2x4{number}"
            replica = Replica(name, engine, model, past, seed=number)
            yield endpoint_pod(namespace, endpoint, pod, replica)
            vendor = "nvidia" if engine == "sglang" else "amd"
            gpus[vendor].append(Assigned(namespace, pod, each, lambda replica=replica: replica.traffic.gpu))
    yield exporter("amd-exporter", DeviceExporter("amd", "mi300x-0", gpus["amd"]))
    yield exporter("dcgm-exporter", DeviceExporter("nvidia", "h200-0", gpus["nvidia"]))


USES = (
    Use("support-bot", "mistralai/Ministral-3-14B-Instruct-2512", CHAT, 3.1, 900, 230, estimated=0.4),
    Use("web-shop", "mistralai/Ministral-3-14B-Instruct-2512", CHAT, 1.4, 700, 180, refused={"429": 0.08}),
    Use("web-shop", "chat", CHAT, 0.5, 400, 120),  # an alias, without a price
    Use("developers", "Qwen/Qwen3-14B", "team-a/code/a", 0.6, 2400, 420),
    Use("developers", "deepseek-ai/DeepSeek-R1-0528", "team-b/batch/a", 0.4, 3200, 700, refused={"503": 0.09}),
    Use("research", "deepseek-ai/DeepSeek-R1-0528", "team-b/batch/a", 0.8, 3200, 700, estimated=1),
    Use("research", "meta-llama/Llama-3.3-70B-Instruct", "team-b/summaries/a", 0.6, 6000, 350),
    Use("-", "-", "-", 0.05, refused={"401": 1}),
)
"""Who asks for what, of one pod of the gateway `models`, of which there are two."""


class GatewayPod:
    """A pod of a gateway whose load follows the time: in the last half hour requests wait for `giant`."""

    def __init__(self, uses: Sequence[Use], past: float) -> None:
        self.clock = Clock(past)
        replicas = {use.target: 2 for use in uses if use.target != "-"} | {WAITED_FOR: 0}
        self.pod = GatewayPage(uses, replicas, shared_keys=1)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        went = self.clock.advance(seconds)
        age = self.clock.now
        self.pod.load = 1 + 0.35 * math.sin(age / HOUR * 2 * math.pi * 1.3)
        self.pod.held[WAITED_FOR] = round(7 * (1 + age / (HOUR / 2))) if age > -HOUR / 2 else 0
        self.pod.advance(went)

    def page(self) -> bytes:
        """What is scraped."""
        return self.pod.page()


def _gateways(past: float) -> Iterator[Target]:
    """Two gateways: one for everybody, by two pods, and one of a team."""
    for number in range(2):
        yield gateway_pod("team-a", "models", f"models-6c4d8-y1z{number}", GatewayPod(USES, past))
    own = tuple(use for use in USES if use.target.startswith("team-b/"))
    yield gateway_pod("team-b", "internal", "internal-7d5e9-a1b0", GatewayPod(own, past))


def _operator(urls: list[str], past: float) -> Iterator[Target]:
    for number, url in enumerate(urls):
        yield _replica(own_pod("aim-hooks", "https", OwnPage(url)), number)
    yield own_pod("aim-state-metrics", "http", State(past))
    calls = Calls([urls[0]] * 9 + urls[1:], past)
    yield Target("metacontroller", calls, {"namespace": "metacontroller", "pod_name": "metacontroller-0"}, {})


def _replica(target: Target, number: int) -> Target:
    pod = f"{target.job}-{number}"
    return target._replace(meta={**target.meta, "pod_name": pod}, labels={**target.labels, "pod": pod})
