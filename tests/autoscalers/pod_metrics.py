"""The API of metrics-server, which tells what pods use, by a stand-in: as much of their requests as a test states."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from aimlib.kube.quantity import parse_quantity
from tests.autoscalers import aggregated
from tests.autoscalers.aggregated import Api
from tests.cluster.clients import core
from tests.cluster.plane import ControlPlane
from tests.loopback import Answering, Loopback, answering, tls

API = Api("metrics.k8s.io", "v1beta1", "kube-system", "metrics-server")
ROOT = f"/apis/{API.group}/{API.version}"
PODS = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}


class PodMetrics:
    """What every pod is taken to use."""

    def __init__(self) -> None:
        self.percent = 0
        """Of the CPUs that it requests."""


@contextmanager
def served(plane: ControlPlane, folder: Path) -> Iterator[PodMetrics]:
    """The API, registered as long as the context lasts."""
    made, pods = PodMetrics(), core(plane.kubeconfig)

    class Metrics(Answering):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if not asked.path.endswith("/pods"):
                groups = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{API.group}/{API.version}"}
                return self.reply_json(200, {**groups, "resources": [PODS]})
            namespace = asked.path.removeprefix(f"{ROOT}/namespaces/").removesuffix("/pods")
            [selector] = parse_qs(asked.query).get("labelSelector", [""])
            reply = pods.list_namespaced_pod(namespace, label_selector=selector, _preload_content=False)
            items = [_used(pod, made.percent) for pod in json.loads(reply.data)["items"]]
            return self.reply_json(
                200,
                {"kind": "PodMetricsList", "apiVersion": f"{API.group}/{API.version}", "metadata": {}, "items": items},
            )

    aggregated.write_certificates(API, folder)
    context = tls(folder / "tls.crt", folder / "tls.key")
    server = Loopback(Metrics, context=context)
    with answering(server, "pod metrics"):
        aggregated.register(plane, API, server.server_port, folder)
        yield made
        aggregated.unregister(plane, API)


def _used(pod: dict, percent: int) -> dict:
    containers = [
        {"name": one["name"], "usage": {"cpu": f"{_milli(one) * percent // 100}m", "memory": "1Gi"}}
        for one in pod["spec"]["containers"]
    ]
    metadata = {key: pod["metadata"][key] for key in ("name", "namespace", "labels")}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"metadata": metadata, "timestamp": now, "window": "1s", "containers": containers}


def _milli(container: dict) -> int:
    """What a container requests, in thousandths of a CPU."""
    return int(parse_quantity(container["resources"]["requests"]["cpu"]) * 1000)
