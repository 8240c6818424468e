"""Where a contract test plays: its own namespace, controllers, hooks and objects beside those of the others."""

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster import audit
from tests.cluster.controlplane import control_plane
from tests.cluster.plane import ROOT, ControlPlane
from tests.cluster.processes import Process, free_ports
from tests.cluster.standin.api import Api, ApiError

from .hookserver import Answer, HookServer, Json, hook_server

DATA = ROOT / "tests" / "testdata" / "contract"
ACCOUNT = "system:serviceaccount:default:contract"  # of the program under test
CONTROLLERS = "/apis/metacontroller.k8s.io/v1alpha1"
GROUP = "/apis/contract.example.com/v1"
SECONDS = 20.0
GC_SECONDS = 60.0  # the garbage collector looks for new kinds every 30 s
REAL = os.environ.get("METACONTROLLER")


def eventually(check: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """The first true value of `check()`."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)
    return value


@dataclass
class Theatre:
    """One control plane, one hook server, and the program under test with its least privilege."""

    plane: ControlPlane
    api: Api
    hooks: HookServer
    kubeconfig: Path
    program: Process | None = None
    pages: str = ""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def play(self) -> None:
        """Start the program unless it runs; METACONTROLLER in the environment names the real one."""
        if self.program and self.program.popen.poll() is None:
            return
        metrics, health = free_ports(2)
        command = [REAL] if REAL else [sys.executable, "-m", "tests.cluster.standin"]
        flags = {
            "kubeconfig": self.kubeconfig,
            "discovery-interval": "1s",
            "metrics-address": f"127.0.0.1:{metrics}",
            "health-probe-bind-address": f"127.0.0.1:{health}",
            "client-go-qps": 200,
            "client-go-burst": 400,
            "workers": 5,
            "events-qps": 10,
            "events-burst": 1000,
        }
        self.pages = f"http://127.0.0.1:{health}"
        arguments = (f"--{name}={value}" for name, value in flags.items())
        self.program = self.plane.run("metacontroller", *command, *arguments, PYTHONPATH=str(ROOT))


@contextmanager
def theatre() -> Iterator[Theatre]:
    with control_plane() as plane, hook_server() as hooks:
        plane.kubectl("apply", "--server-side", "--filename", str(DATA))
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        plane.kubectl("wait", "--for=create", "serviceaccount/contract", "--timeout=30s")
        token = plane.kubectl("create", "token", "contract", "--duration=6h").strip()
        kubeconfig = plane.credentials.kubeconfig("contract", plane.server, token)
        yield Theatre(plane, Api(str(plane.kubeconfig), 1e6, 1_000_000, user_agent="exp"), hooks, kubeconfig)


class Stage:
    """The view of one test. Its composites act on widgets and panels that it made, and on no others."""

    def __init__(self, theatre: Theatre) -> None:
        self.theatre, self.api, self.hooks = theatre, theatre.api, theatre.hooks
        self.name = f"stage-{next(theatre.numbers)}"
        self.labels = {"stage": self.name}
        self._made: list[str] = []
        self._since = audit.position(theatre.plane)
        self.api.create("/api/v1/namespaces", {"metadata": {"name": self.name, "labels": self.labels}})

    def close(self) -> None:
        """Stop the controllers first, so that nothing is made anew behind the cleaning."""
        for path in reversed(self._made):
            self.delete(path)
        self.delete(f"/api/v1/namespaces/{self.name}")

    def path(self, plural: str, name: str = "") -> str:
        """Of an object in this test's namespace, or of a cluster-scoped one."""
        bases = {
            "widgets": f"{GROUP}/namespaces/{self.name}",
            "panels": GROUP,
            "facts": GROUP,
            "deployments": f"/apis/apps/v1/namespaces/{self.name}",
            "namespaces": "/api/v1",
            "nodes": "/api/v1",
            "compositecontrollers": CONTROLLERS,
            "decoratorcontrollers": CONTROLLERS,
        }
        base = bases.get(plural, f"/api/v1/namespaces/{self.name}")
        return f"{base}/{plural}/{name}" if name else f"{base}/{plural}"

    def get(self, plural: str, name: str) -> Json | None:
        try:
            return self.api.get(self.path(plural, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, plural: str) -> list[Json]:
        return self.api.get(self.path(plural))["items"]

    def delete(self, path: str) -> None:
        try:
            self.api.delete(path, {"propagationPolicy": "Background"})
        except ApiError as error:
            if error.status != 404:
                raise

    def make(self, plural: str, body: Json) -> Json:
        """Create an object that goes when the test ends."""
        self._made.append(self.path(plural, body["metadata"]["name"]))
        return self.api.create(self.path(plural), body)

    def widget(self, name: str = "w", labels: Json | None = None, **spec: Any) -> Json:
        return self._parent("Widget", "widgets", name, labels, spec)

    def panel(self, name: str, labels: Json | None = None, **spec: Any) -> Json:
        return self._parent("Panel", "panels", name, labels, spec)

    def fact(self, name: str, labels: Json | None = None, **spec: Any) -> Json:
        return self._parent("Fact", "facts", name, labels, spec)

    def _parent(self, kind: str, plural: str, name: str, labels: Json | None, spec: Json) -> Json:
        metadata = {"name": name, "labels": {**self.labels, **(labels or {})}}
        return self.make(
            plural, {"apiVersion": "contract.example.com/v1", "kind": kind, "metadata": metadata, "spec": spec}
        )

    def change(self, plural: str, name: str, change: Json) -> Json:
        """A merge patch by somebody else."""
        return self.api.merge_patch(self.path(plural, name), change)

    def hook(self, which: str, answer: Answer, timeout: str = "10s") -> Json:
        """Answer at a path of this test's own; how a controller names it."""
        self.hooks.answers[f"/{self.name}/{which}"] = answer
        return {"version": "v2", "webhook": {"url": self.hooks.url(f"/{self.name}/{which}"), "timeout": timeout}}

    def composite(self, sync: Answer | None, children: Json | None = None, timeout: str = "10s", **spec: Any) -> Json:
        """A CompositeController of this test's widgets; `children` maps plural to update strategy."""
        body = {
            "parentResource": {
                "apiVersion": "contract.example.com/v1",
                "resource": "widgets",
                "labelSelector": {"matchLabels": self.labels},
            },
            "childResources": [child(plural, method) for plural, method in (children or {}).items()],
            "generateSelector": True,
            "hooks": {"sync": self.hook("sync", sync, timeout)} if sync else {},
            **{key: value for key, value in spec.items() if key != "customize"},
        }
        if "customize" in spec:
            body["hooks"]["customize"] = self.hook("customize", spec["customize"])
        return self.controller("CompositeController", "compositecontrollers", body)

    def decorator(self, sync: Answer, resources: list[Json], attachments: Json | None = None, **spec: Any) -> Json:
        body = {
            "resources": resources,
            "attachments": [child(plural, method) for plural, method in (attachments or {}).items()],
            "hooks": {"sync": self.hook("sync", sync)},
            **spec,
        }
        return self.controller("DecoratorController", "decoratorcontrollers", body)

    def controller(self, kind: str, plural: str, spec: Json, name: str | None = None) -> Json:
        return self.make(
            plural,
            {
                "apiVersion": "metacontroller.k8s.io/v1alpha1",
                "kind": kind,
                "metadata": {"name": name or self.name},
                "spec": spec,
            },
        )

    def syncs(self, name: str | None = None) -> list[Json]:
        return self.hooks.requests(f"/{self.name}/sync", name)

    def customizes(self, name: str | None = None) -> list[Json]:
        return self.hooks.requests(f"/{self.name}/customize", name)

    def settle(self, quiet: float = 0.8) -> int:
        """Wait until no sync has come for `quiet` seconds; how many have come."""
        deadline, count, since = time.monotonic() + SECONDS, -1, 0.0
        while True:
            now = time.monotonic()
            if len(self.syncs()) != count:
                count, since = len(self.syncs()), now
            if count and now - since > quiet:
                return count
            assert now < deadline, f"not quiet: {count} syncs" if count else "no sync has come"
            time.sleep(0.05)

    def events(self, name: str, namespace: str | None = None) -> list[Json]:
        """Events about an object of that name."""
        items = self.api.get(f"/api/v1/namespaces/{namespace or self.name}/events")["items"]
        return [event for event in items if event["involvedObject"].get("name") == name]

    def writes(self, verb: str, resource: str, user: str | None = ACCOUNT) -> int:
        """How many such writes, of the program under test unless told, have come during this test."""
        all_of_them = audit.writes(self.theatre.plane, since=self._since, user=user)
        return sum((write.verb, write.resource) == (verb, resource) for write in all_of_them)

    def warning(self, name: str, reason: str, text: str, namespace: str | None = None) -> Json:
        """Wait for a Warning whose message contains `text`."""

        def said() -> list[Json]:
            return [
                event
                for event in self.events(name, namespace)
                if (event["type"], event["reason"]) == ("Warning", reason) and text in event["message"]
            ]

        return eventually(said, f"{reason} event on {name} with {text!r}")[0]


def child(plural: str, method: str | None) -> Json:
    groups = {"deployments": "apps/v1", "facts": "contract.example.com/v1", "latecomers": "contract.example.com/v1"}
    strategy = {"updateStrategy": {"method": method}} if method else {}
    return {"apiVersion": groups.get(plural, "v1"), "resource": plural, **strategy}


def config_map(name: str, data: Json | None = None, **metadata: Any) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data or {}}


def fact(name: str, **spec: Any) -> Json:
    return {"apiVersion": "contract.example.com/v1", "kind": "Fact", "metadata": {"name": name}, "spec": spec}
