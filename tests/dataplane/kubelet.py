"""The nodes `engine-…`: what runs the pods of endpoints there as processes, each on the pod's own address.

kwok leaves these pods alone (tests/cluster/stages.yaml). The process has the command, arguments, environment and
probes of the pod; its program is that of an Image, such as a simulated engine, and volumes are folders of the control
plane. Pods of gateways are those of gateway_replica.py.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

from tests.cluster.clients import core
from tests.cluster.containers import Image, Raw, WaitingError, launch
from tests.cluster.lookups import reader, unless_gone
from tests.cluster.plane import ControlPlane
from tests.cluster.rounds import rounds
from tests.dataplane import logs, replica
from tests.dataplane.gateway_replica import GatewayReplica
from tests.dataplane.names import NODES
from tests.dataplane.replica import Replica
from tests.dataplane.simulated.behaviour import IMAGE

GATEWAY = "aim-gateway"
SELECTOR = f"app.kubernetes.io/name in (aim-endpoint, {GATEWAY})"
POLL_SECONDS = 0.25
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - the word is exchanged for the pod's own address


@contextmanager
def running(plane: ControlPlane, engine: Image) -> Iterator["Kubelet"]:
    """Run the pods of these nodes for as long as the context lasts; none of their processes is left afterwards."""
    kubelet = Kubelet(plane, engine)
    try:
        with logs.served(plane, kubelet.replicas), rounds("engines", POLL_SECONDS, kubelet.look):
            yield kubelet
    finally:
        for one in kubelet.replicas.values():
            one.stop()


class Kubelet:
    """The pods of these nodes by uid."""

    def __init__(self, plane: ControlPlane, engine: Image) -> None:
        self.plane = plane
        self.engine = engine
        self.core = core(plane.credentials.folder / "kubelet.kubeconfig")
        self.replicas: dict[str, Replica | GatewayReplica] = {}
        self.numbers = count()
        """Of pods of gateways."""
        self.waiting: dict[str, str] = {}
        # kwok counts up from 10.244.0.1 for those that it simulates.
        self.addresses = (f"10.244.{high}.{low}" for high in range(128, 256) for low in range(1, 255))
        self.logs = plane.logs / "engines"
        self.logs.mkdir()
        # The writable layer of images: what is kept here from one container to the next is compiled kernels above all.
        self.layer = plane.folder / "tmp"
        self.layer.mkdir()

    def look(self) -> None:
        """One round over their pods."""
        reply = self.core.list_pod_for_all_namespaces(label_selector=SELECTOR, _preload_content=False)
        listed = json.loads(reply.data)["items"]
        pods = {pod["metadata"]["uid"]: pod for pod in listed if pod["spec"].get("nodeName", "").startswith(NODES)}
        for uid in self.replicas.keys() - pods.keys():  # deleted by force
            self.replicas.pop(uid).stop()
        for uid, pod in pods.items():
            if "deletionTimestamp" in pod["metadata"]:
                self._delete(uid, pod)
            elif uid not in self.replicas:
                self._add(uid, pod)
            if uid in self.replicas:
                self.replicas[uid].look(time.monotonic())

    def _add(self, uid: str, pod: Raw) -> None:
        address = next(self.addresses)
        folder = self.plane.folder / "pods" / uid
        if pod["metadata"]["labels"]["app.kubernetes.io/name"] == GATEWAY:
            own = (next(self.numbers), folder, self.logs, reader(self.core, pod))
            self.replicas[uid] = GatewayReplica(pod, address, *own, lambda status: self._write(pod, status))
            return
        places = {name: str(self.layer) for name in ("HOME", "TMPDIR")}
        image = replace(
            self.engine,
            environment={
                **self.engine.environment,
                **places,
                IMAGE: pod["spec"]["containers"][0]["image"],
                **self._links(pod),
            },
            places={ANY_ADDRESS: address, "/tmp": self.layer},  # noqa: S108 - the container's
            restarts=pod["spec"]["restartPolicy"],
        )
        try:
            found = launch(pod, folder, self.plane.folder / "volumes", reader(self.core, pod), image)
        except WaitingError as error:
            if self.waiting.get(uid) != str(error):
                waiting = {"waiting": {"reason": error.reason, "message": str(error)}}
                self._write(pod, replica.status(pod, None, waiting))
                self.waiting[uid] = str(error)
            return
        folder.mkdir(parents=True, exist_ok=True)
        self.replicas[uid] = Replica(pod, address, found, self.logs, lambda status: self._write(pod, status))

    def _links(self, pod: Raw) -> dict[str, str]:
        """The variables by which every container learns of the Services of its namespace, unless it wants none."""
        if not pod["spec"].get("enableServiceLinks", True):
            return {}
        reply = self.core.list_namespaced_service(pod["metadata"]["namespace"], _preload_content=False)
        found: dict[str, str] = {}
        for service in json.loads(reply.data)["items"]:
            found |= service_links(service)
        return found

    def _delete(self, uid: str, pod: Raw) -> None:
        if uid in self.replicas:
            self.replicas[uid].end(time.monotonic(), replica.deadline(pod))
            if not self.replicas[uid].over:
                return
            del self.replicas[uid]
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        unless_gone(self.core.delete_namespaced_pod, pod["metadata"]["name"], pod["metadata"]["namespace"], body=body)

    def _write(self, pod: Raw, status: Raw) -> None:
        metadata = pod["metadata"]
        unless_gone(
            self.core.patch_namespaced_pod_status, metadata["name"], metadata["namespace"], body={"status": status}
        )


def service_links(service: Raw) -> dict[str, str]:
    """What a kubelet says of one Service (pkg/kubelet/envvars)."""
    address = service["spec"].get("clusterIP", "None")
    if address == "None":
        return {}
    name = service["metadata"]["name"].upper().replace("-", "_")
    first, found = service["spec"]["ports"][0], {}
    found |= {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(first["port"])}
    found[f"{name}_PORT"] = f"{first.get('protocol', 'TCP').lower()}://{address}:{first['port']}"
    for port in service["spec"]["ports"]:
        protocol = port.get("protocol", "TCP")
        prefix = f"{name}_PORT_{port['port']}_{protocol}"
        found |= {
            prefix: f"{protocol.lower()}://{address}:{port['port']}",
            f"{prefix}_PROTO": protocol.lower(),
            f"{prefix}_PORT": str(port["port"]),
            f"{prefix}_ADDR": address,
        }
        if port.get("name"):
            found[f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    return found
