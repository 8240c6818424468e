"""Endpoints with ScaledObjects to which nothing happens, and the meters of the programs that look after them.

KEDA and Prometheus are the real ones. The pods are simulated: all have one page of metrics, of an engine that nobody
asks.
"""

import json
import math
import re
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.autoscalers import keda_programs
from tests.bench import usage
from tests.bench.client import Client, all_at_once, path
from tests.bench.report import Row
from tests.bench.throughput import GPUS_PER_NODE, HEARTBEAT
from tests.cluster import operator
from tests.cluster.controlplane import control_plane
from tests.cluster.fleet import add_fleet
from tests.cluster.operator import Operator
from tests.cluster.plane import ControlPlane
from tests.e2e.hookserver import configured
from tests.e2e.optional_kinds import keda_component
from tests.e2e.space import endpoint, recipe
from tests.monitoring import prometheus
from tests.monitoring.engines import ModelServer
from tests.monitoring.pages import Fixed, served
from tests.monitoring.prometheus import Prometheus
from tests.monitoring.targets import configuration, endpoint_pod
from tests.monitoring.traffic import IDLE

MODEL, NAMESPACE = "simulated/resting", "resting"
SCALING = {"minReplicas": 1, "maxReplicas": 2, "targetRequests": 24}
INTERVAL = "15s"
"""Of scraping and of rules."""
SYNC_SECONDS = 15
"""How often the controller manager looks at each HorizontalPodAutoscaler where nobody states it; tests state less."""
SETTLE_SECONDS = 30
QUERIES = re.compile(r'^prometheus_http_requests_total\{code="(\d+)",handler="/api/v1/query"\} (\S+)$', re.MULTILINE)
PROGRAMS = (
    "keda",
    "keda-adapter",
    "prometheus",
    "hooks",
    "metacontroller",
    "kube-controller-manager",
    "kube-apiserver",
)
"""Those that have something to do with it, by their names on the control plane."""


class Found(NamedTuple):
    """One measurement."""

    queries: float
    """That Prometheus answered, per second."""
    used: usage.Used
    processes: list[Row]


@dataclass(frozen=True)
class Resting:
    """So many endpoints on a cluster."""

    plane: ControlPlane
    operator: Operator
    prometheus: Prometheus
    count: int

    def make(self) -> None:
        """All of them, of a model that takes one GPU."""
        self.plane.kubectl("create", "namespace", NAMESPACE)
        known = recipe("resting", modelId=MODEL, configurations=[{"gpuCount": 1}])
        self.plane.kubectl("apply", f"--namespace={NAMESPACE}", "--filename=-", input=json.dumps(known))
        client = Client(self.plane)

        def write(name: str) -> None:
            one = endpoint(name, modelId=MODEL, monitoring={"enabled": True}, scaling=SCALING)
            client.call("POST", path(one["apiVersion"], "aimendpoints", NAMESPACE), one)

        all_at_once(write, names(self.count))

    @contextmanager
    def polled(self, seconds: int | None) -> Iterator[None]:
        """With this kedaPollingSeconds in the settings, or without any."""
        stated = {"kedaPollingSeconds": seconds} if seconds else {}
        with configured(self.plane, self.operator, prometheusURL=self.prometheus.url, **stated):
            # A change of the settings alone is seen at the next resync, five minutes later.
            word = f"polled={seconds or 'left-out'}"
            self.plane.kubectl("annotate", "aimendpoints", "--all", "--overwrite", f"--namespace={NAMESPACE}", word)
            self.plane.wait_for(
                "all to be scaled", lambda: self.scaled(seconds) == self.count, SETTLE_SECONDS + 3 * self.count
            )
            time.sleep(SETTLE_SECONDS)
            yield
            if (left := self.scaled(seconds)) != self.count:
                raise RuntimeError(f"{left} of {self.count} endpoints are scaled by KEDA at the end")

    def measured(self, seconds: float) -> Found:
        """What is used in so many seconds; RuntimeError where a program ended or a query failed meanwhile."""
        answered, before = self._queries(), usage.read(self.plane, self.operator)
        time.sleep(seconds)
        used, answered = usage.since(self.plane, self.operator, before), self._queries() - answered
        if ended := [name for name in PROGRAMS if self.plane.processes[name].popen.poll() is not None]:
            raise RuntimeError(f"ended meanwhile: {', '.join(ended)}")
        if {*answered} != {"200"}:
            raise RuntimeError(f"queries by the status of their answers: {dict(answered)}")
        return Found(answered["200"] / used.seconds, used, usage.processes(self.plane, used))

    def scaled(self, polling: int | None) -> int:
        """How many are Ready, have a ScaledObject of this setting that KEDA has taken, and are measured."""
        ready = {one["metadata"]["name"] for one in self._all("aimendpoints") if has(one, "Ready")}
        objects = [one for one in self._all("scaledobjects") if one["spec"].get("pollingInterval") == polling]
        taken = {one["metadata"]["name"] for one in objects if has(one, "Ready") and not has(one, "Fallback")}
        autoscalers = self._all("horizontalpodautoscalers")
        active = {one["spec"]["scaleTargetRef"]["name"] for one in autoscalers if has(one, "ScalingActive")}
        return len(ready & taken & active)

    def _all(self, resources: str) -> list[dict[str, Any]]:
        return self.plane.get(resources, f"--namespace={NAMESPACE}")["items"]

    def _queries(self) -> Counter[str]:
        """The queries that Prometheus has answered, by status, as it counts them."""
        with urllib.request.urlopen(f"{self.prometheus.url}/metrics", timeout=30) as reply:  # noqa: S310 - loopback
            return Counter({code: int(float(value)) for code, value in QUERIES.findall(reply.read().decode())})


@contextmanager
def resting(count: int) -> Iterator[Resting]:
    """The operator, KEDA, a Prometheus that scrapes a replica of each endpoint, and so many endpoints."""
    with control_plane() as plane, tempfile.TemporaryDirectory(prefix="aim-rest-") as made, ExitStack() as stack:
        folder = Path(made)
        look_as_often_as_usual(plane)
        add_fleet(plane, "mi300x", math.ceil(count / GPUS_PER_NODE) + 1, HEARTBEAT)
        installed = operator.install(plane)
        page = stack.enter_context(served(Fixed(ModelServer("vllm", MODEL, IDLE).page())))
        pairs = [(endpoint_pod(NAMESPACE, name, f"{name}-0", page.source), page) for name in names(count)]
        metrics = stack.enter_context(prometheus.started(configuration(pairs, INTERVAL), folder))
        plane.processes["prometheus"] = metrics.process
        stack.enter_context(keda_component(plane, installed))
        keda_programs.install(plane, folder)
        found = Resting(plane, installed, metrics, count)
        found.make()
        yield found
        # KEDA has a finalizer on what it scales.
        plane.kubectl("delete", "namespace", NAMESPACE)
        keda_programs.remove(plane)


def look_as_often_as_usual(plane: ControlPlane) -> None:
    """Start the controller manager again with the time that autoscalers have in a cluster."""
    running = plane.processes["kube-controller-manager"]
    usual = f"--horizontal-pod-autoscaler-sync-period={SYNC_SECONDS}s"
    running.stop()
    # Of a flag that stands there twice the last one counts.
    plane.run("kube-controller-manager", *running.popen.args, usual)


def names(count: int) -> list[str]:
    return [f"resting-{number:03d}" for number in range(count)]


def has(one: dict[str, Any], condition: str) -> bool:
    """Whether a condition of an object is True."""
    found = one.get("status", {}).get("conditions") or ()
    return any((each["type"], each["status"]) == (condition, "True") for each in found)
