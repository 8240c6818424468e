"""A real hook server that serves calls while it is scraped, and the caller's own figures of the same calls."""

import itertools
import json
import random
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import CollectorRegistry, Counter, generate_latest

from tests.cases import cases
from tests.cluster.components import answers
from tests.cluster.plane import ROOT
from tests.cluster.processes import free_ports, running
from tests.dashboards.clock import Clock
from tests.dashboards.state import WORLDS, played
from tests.playing import play
from tests.reviews import body
from tests.reviews import cases as reviews

Raw = dict[str, Any]
SERVICE = "https://aim-hooks.aim-system.svc:8443"
"""What Metacontroller calls."""
START_SECONDS = 60
CALLS_PER_SECOND = 1
WRONG = ("/endpoint/sync", b"{}")
"""A call that is none: one of this many is."""
ONE_IN = 25
PRICES = {
    "mistralai/Ministral-3-14B-Instruct-2512": {"prompt": 0.1, "generated": 0.3},
    "Qwen/Qwen3-14B": {"prompt": 0.1, "generated": 0.4},
    "deepseek-ai/DeepSeek-R1-0528": {"prompt": 0.5, "generated": 2.2},
    "meta-llama/Llama-3.3-70B-Instruct": {"prompt": 0.3, "generated": 0.6},
}
"""Of a million tokens, in no currency."""
NEW_IN = 9
"""One call of so many is about an object that nobody has seen before."""


def bodies() -> list[tuple[str, Raw]]:
    """Paths and bodies of calls: about the objects of the simulated cluster, and all golden ones with an answer."""
    ours = [("endpoint", *one) for one in WORLDS["endpoints"].items()]
    ours += [("cache", *one) for one in WORLDS["caches"].items()]
    found = [(f"/{kind}/sync", played(kind, name, world).request) for kind, name, world in ours]
    golden = [(case.hook, play(case.kind, case.hook, case.world)) for case in cases()]
    found += [(f"{case.route}/no-token", body(case.world)) for case in reviews() if "body" not in case.world]
    return found + [(hook, one.request) for hook, one in golden if one.answer.code == HTTPStatus.OK]


class Calls:
    """Metacontroller's part: it calls the hooks, and counts its calls by the names of Metacontroller's own metrics.

    Source of the names: pkg/metrics/http.go of Metacontroller.
    """

    def __init__(self, urls: Sequence[str], past: float) -> None:
        self.urls, self.left, self.number = itertools.cycle(urls), 0.0, itertools.count(1)
        self.clock = Clock(past)
        mixed = bodies()
        random.Random(1).shuffle(mixed)  # noqa: S311 - as objects change, in no order
        self.bodies = itertools.cycle(mixed)
        self.registry = CollectorRegistry()
        labels = ["controller_name", "controller_type", "url", "code", "method"]
        self.counted = {
            hook: Counter(f"metacontroller_{hook}_requests", "Calls.", labels, registry=self.registry)
            for hook in ("sync", "customize")
        }

    def advance(self, seconds: float) -> None:
        """Make the calls of that time."""
        self.left += self.clock.advance(seconds) * CALLS_PER_SECOND
        while self.left >= 1:
            self.left -= 1
            self._next()

    def _next(self) -> None:
        number = next(self.number)
        path, body = next(self.bodies)
        if number % NEW_IN == 0 and isinstance(body.get("parent"), dict):
            fresh = {**body["parent"]["metadata"], "uid": f"new-{number}"} if "metadata" in body["parent"] else {}
            body = {**body, "parent": {**body["parent"], "metadata": fresh}}
        sent = WRONG if number % ONE_IN == 0 else (path, json.dumps(body).encode())
        self._count(sent[0], post(next(self.urls), *sent))

    def _count(self, path: str, code: int) -> None:
        _, kind, hook = path.split("/")[:3]
        if kind == "admission":
            return  # the API server's
        controller = "CompositeController" if kind not in {"node", "recipe"} else "DecoratorController"
        self.counted[hook].labels(f"aim{kind}", controller, SERVICE + path, str(code), "post").inc()

    def page(self) -> bytes:
        """Metacontroller's metrics page."""
        return generate_latest(self.registry)


def post(url: str, path: str, body: bytes) -> int:
    """The code of an answer."""
    request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


class OwnPage:
    """The metrics page of a real server, as it is."""

    def __init__(self, url: str) -> None:
        self.url = url

    def advance(self, seconds: float) -> None:
        """Nothing of ours to move."""

    def page(self) -> bytes:
        """What is scraped."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as reply:  # noqa: S310 - loopback
            return reply.read()


def access(api: str) -> Raw:
    """A kubeconfig for an API server."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": api}}],
        "users": [{"name": "here", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
        "current-context": "here",
    }


@contextmanager
def serving(name: str, folder: Path, api: str, output: str) -> Iterator[str]:
    """The address of gunicorn as it is shipped, which asks `api` for Pods; its audit record goes to `output`."""
    kubeconfig = folder / f"{name}.kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(access(api)))
    [port] = free_ports(1)
    command = f"exec {sys.executable} -m gunicorn --config hooks/server/gunicorn_conf.py --bind 127.0.0.1:{port}"
    environment = {"PYTHONPATH": str(ROOT), "PROMETHEUS_MULTIPROC_DIR": str(folder / f"{name}.metrics")}
    settings = folder / f"{name}.config.yaml"
    settings.write_text(yaml.safe_dump({"tokenPrices": PRICES}))
    environment |= {"AIM_OBSERVE": "pods", "KUBECONFIG": str(kubeconfig), "AIM_CONFIG": str(settings)}
    (folder / f"{name}.metrics").mkdir()
    shell = ["sh", "-c", f"cd {ROOT} && {command} 'hooks.server.app:create_app()' >{output}"]
    with running(name, shell, folder, **environment) as process:
        process.wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), START_SECONDS)
        yield f"http://127.0.0.1:{port}"
