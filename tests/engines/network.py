"""A network of the tests' own, in which the addresses of pods and Services are real ones and nothing else is reached.

Everything runs in a namespace of the kernel where those ranges are local. What kube-proxy and the cluster's DNS do for
Services is done by a forwarder on each ClusterIP, and by /etc/hosts.
"""

import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from kubernetes import client

from tests.cluster.clients import core
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import StartError
from tests.cluster.rounds import rounds
from tests.engines.kubelet import NODES

RANGES = ("10.0.0.0/24", "10.96.0.0/16", "10.244.0.0/16")
"""Nodes, Services and pods."""
HOSTS = Path("/etc/hosts")
USUAL = f"127.0.0.1 localhost {' '.join(NODES)}\n::1 localhost\n"
INSIDE = "AIM_ENGINES_NETWORK"
"""Set within; its value is the file that stands in the place of /etc/hosts."""
POLL_SECONDS = 0.25


def run_inside(command: Sequence[str], hosts: Path) -> int:
    """Run a command in such a network; its exit code. `hosts` is a file that this makes."""
    hosts.write_text(USUAL)
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = shutil.which("unshare")
    if not unshare:
        raise StartError("there is no unshare on PATH (util-linux), which makes a network of the tests' own")
    words = [unshare, *rights, "--net", "--mount", sys.executable, "-m", "tests.engines.network", *command]
    with subprocess.Popen(words, env={**os.environ, INSIDE: str(hosts)}) as process:
        # The tests stop what they have started. Ctrl-C in a terminal reaches them without this.
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return process.wait()


def _enter(command: Sequence[str]) -> None:
    subprocess.run(["mount", "--bind", os.environ[INSIDE], HOSTS], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for each in RANGES:
        subprocess.run(["ip", "route", "add", "local", each, "dev", "lo"], check=True)
    os.execvp(command[0], list(command))  # noqa: S606 - what was asked for


@contextmanager
def services(plane: ControlPlane) -> Iterator[None]:
    """Let the Services with a ClusterIP be reached by address and by name, for as long as the context lasts."""
    with ExitStack() as stack:
        forwarders = _Forwarders(plane, stack)
        with rounds("services", POLL_SECONDS, forwarders.look):
            yield


class _Forwarders:
    def __init__(self, plane: ControlPlane, stack: ExitStack) -> None:
        self.core = core(plane.kubeconfig)
        self.discovery = client.DiscoveryV1Api(self.core.api_client)
        self.stack = stack
        self.names = USUAL
        self.servers: dict[tuple[str, int], _Forwarder] = {}

    def look(self) -> None:
        """One round: a forwarder for each new Service, and where each leads to now."""
        listed = json.loads(self.core.list_service_for_all_namespaces(_preload_content=False).data)["items"]
        ready = self._ready()
        lines = [USUAL]
        for service in listed:
            address, metadata = service["spec"].get("clusterIP", "None"), service["metadata"]
            if address == "None":
                continue
            name = f"{metadata['name']}.{metadata['namespace']}.svc"
            lines.append(f"{address} {name} {name}.cluster.local\n")
            for port in service["spec"]["ports"]:
                place = (address, port["port"])
                if place not in self.servers:
                    self.servers[place] = self._serve(place)
                self.servers[place].targets = ready.get((metadata["namespace"], metadata["name"], port.get("name")), [])
        if (names := "".join(lines)) != self.names:
            Path(os.environ[INSIDE]).write_text(names)  # in place: it is mounted
            self.names = names

    def _serve(self, place: tuple[str, int]) -> "_Forwarder":
        made = self.stack.enter_context(_Forwarder(place, _Connection))
        threading.Thread(target=made.serve_forever, name=f"service {place[0]}", daemon=True).start()
        self.stack.callback(made.shutdown)
        return made

    def _ready(self) -> dict[tuple[str, str, str | None], list[tuple[str, int]]]:
        """The addresses that are ready, by namespace and name of the Service and by name of the port."""
        reply = self.discovery.list_endpoint_slice_for_all_namespaces(_preload_content=False)
        slices = json.loads(reply.data)["items"]
        found: dict[tuple[str, str, str | None], list[tuple[str, int]]] = {}
        for one in slices:
            metadata = one["metadata"]
            addresses = [
                address
                for endpoint in one.get("endpoints") or ()
                if endpoint.get("conditions", {}).get("ready")
                for address in endpoint["addresses"]
            ]
            for port in one.get("ports") or ():
                key = (
                    metadata["namespace"],
                    metadata["labels"]["kubernetes.io/service-name"],
                    port.get("name") or None,
                )
                found.setdefault(key, []).extend((address, port["port"]) for address in addresses)
        return found


class _Forwarder(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    targets: Sequence[tuple[str, int]] = ()


class _Connection(socketserver.BaseRequestHandler):
    """A connection to a Service, and the one to a pod behind it."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Forwarder)
        if not server.targets:
            return  # closed: nothing is ready
        with suppress(OSError), socket.create_connection(server.targets[0], timeout=10) as pod:
            pod.settimeout(None)
            back = threading.Thread(target=_copy, args=(pod, self.request), daemon=True)
            back.start()
            _copy(self.request, pod)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    _enter(sys.argv[1:])
