"""The state of the objects of a control plane as a page for Prometheus: by kube-state-metrics, or by its stand-in."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from tests.cluster.clients import connection
from tests.cluster.components import answers
from tests.cluster.plane import ROOT, ControlPlane
from tests.cluster.processes import free_ports
from tests.loopback import Answering, Loopback, answering
from tests.state_metrics.families import exposition, families

CONFIGURATION = ROOT / "manifests" / "components" / "kube-state-metrics" / "metrics.yaml"
ACCOUNT = ("aim-state-metrics", "aim-system")
"""The service account of overlays/state-metrics, and its namespace."""
START_SECONDS = 60


def program() -> str | None:
    """The real kube-state-metrics, where the environment names it."""
    return os.environ.get("KUBE_STATE_METRICS")


def account(plane: ControlPlane) -> Path:
    """A kubeconfig that may do what the shipped role allows and no more; the role is applied where it is not there."""
    name, namespace = ACCOUNT
    made = plane.kubectl("kustomize", str(ROOT / "manifests" / "overlays" / "state-metrics"))
    rights = [
        one
        for one in yaml.safe_load_all(made)
        if one["kind"] in {"ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
    ]
    plane.kubectl("apply", "--server-side", "--filename=-", input=yaml.safe_dump_all(rights))
    token = plane.kubectl("create", "token", name, f"--namespace={namespace}", "--duration=48h")
    return plane.credentials.kubeconfig(name, plane.server, token.strip())


@contextmanager
def serving(plane: ControlPlane) -> Iterator[str]:
    """The address of a page on loopback that says, at every request, how the objects are now.

    KUBE_STATE_METRICS in the environment names the real program; without it the stand-in answers.
    """
    named = program()
    with _program(plane, named) if named else _stand_in(account(plane), CONFIGURATION) as url:
        yield url


@contextmanager
def _program(plane: ControlPlane, named: str) -> Iterator[str]:
    port, telemetry = free_ports(2)
    process = plane.run(
        "kube-state-metrics",
        named,
        "--custom-resource-state-only=true",
        f"--custom-resource-state-config-file={CONFIGURATION}",
        f"--kubeconfig={account(plane)}",
        "--host=127.0.0.1",
        f"--port={port}",
        "--telemetry-host=127.0.0.1",
        f"--telemetry-port={telemetry}",
    )
    try:
        process.wait_until(lambda: answers(f"http://127.0.0.1:{port}/metrics"), START_SECONDS)
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        process.stop()


@contextmanager
def _stand_in(kubeconfig: Path, path: Path, port: int = 0) -> Iterator[str]:
    objects, configuration = Objects(kubeconfig), yaml.safe_load(path.read_text())

    class Page(Answering):
        def do_GET(self) -> None:
            page = exposition(families(configuration, objects.listed(configuration)))
            self.reply(200, page.encode(), "text/plain; version=0.0.4")

    server = Loopback(Page, port)
    with answering(server, "state of objects"):
        yield f"http://127.0.0.1:{server.server_port}/metrics"


class Objects:
    """The objects that a configuration is about, as one account may list them."""

    def __init__(self, kubeconfig: Path) -> None:
        self.api = client.CustomObjectsApi(connection(kubeconfig))

    def listed(self, configuration: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for one in configuration["spec"]["resources"]:
            gvk = one["groupVersionKind"]
            plural = f"{gvk['kind'].lower()}s"
            yield from self.api.list_cluster_custom_object(gvk["group"], gvk["version"], plural)["items"]


if __name__ == "__main__":
    # With the flags that the real program is started with here, so that a test can put this in its place.
    given = dict(one.removeprefix("--").split("=", 1) for one in sys.argv[1:])
    configured = Path(given["custom-resource-state-config-file"])
    with _stand_in(Path(given["kubeconfig"]), configured, int(given["port"])):
        threading.Event().wait()
