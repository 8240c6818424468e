"""The data plane of a control plane: its kubelet, its names and its Services."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.cluster.clients import core
from tests.cluster.containers import Image
from tests.cluster.plane import HERE as CLUSTER
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import still_running
from tests.cluster.rounds import rounds
from tests.dataplane import forwarding, kubelet, logs, services
from tests.dataplane.forwarding import Forwarding
from tests.dataplane.names import NODES, Names, zone

POLL_SECONDS = 0.25


@contextmanager
def data_plane(plane: ControlPlane, engine: Image, names: Names) -> Iterator[None]:
    """Run the pods of endpoints, and let Services and names lead to them; only in a network of one's own.

    Only nodes whose names begin with `engine-` have such pods (add_nodes, nodes_like).
    """
    api = core(plane.kubeconfig)

    def look() -> None:
        found = services.read(api)
        names.zone = zone(found)
        forwarders.follow(forwarding.wanted(found))

    with kubelet.running(plane, engine) as pods, Forwarding() as forwarders:
        look()
        with rounds("services", POLL_SECONDS, look):
            yield
    groups = {process.pid for one in pods.replicas.values() for process in one.processes}
    # A large process that was killed takes a moment to be gone.
    plane.wait_for("the processes of all pods to be gone", lambda: not still_running(groups), 30)


def add_nodes(plane: ControlPlane, nodes: str) -> None:
    """Create nodes and what goes with them, in YAML, and wait until they are Ready."""
    plane.kubectl("apply", "--server-side", "--filename=-", input=nodes)
    names = [one["metadata"]["name"] for one in yaml.safe_load_all(nodes) if one["kind"] == "Node"]
    plane.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *(f"node/{name}" for name in names))


def nodes_like(*files: str) -> str:
    """Nodes for `add_nodes` as those of tests/cluster/nodes, by names for which pods are run here."""
    return nodes_of(CLUSTER / "nodes" / f"{file}.yaml" for file in files)


def nodes_of(files: Iterable[Path]) -> str:
    """Nodes and their ResourceSlices for `add_nodes` as those of these files, by names for which pods are run here."""
    found = [one for file in files for one in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    for one in found:
        if one["kind"] == "Node":
            name = one["metadata"]["name"] = f"{NODES}{one['metadata']['name']}"
            one["metadata"]["labels"]["kubernetes.io/hostname"] = name
            one["status"]["daemonEndpoints"] = {"kubeletEndpoint": {"Port": logs.PORT}}
        else:
            one["spec"]["nodeName"] = one["spec"]["pool"]["name"] = f"{NODES}{one['spec']['nodeName']}"
    return yaml.safe_dump_all(found)
