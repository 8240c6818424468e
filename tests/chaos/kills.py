"""SIGKILL for one part after another, each of which is started again as it was."""

import os
import random
import signal
import subprocess
import time
from collections import Counter

from tests.cluster import components, operator
from tests.cluster.operator import Operator
from tests.cluster.plane import ROOT, ControlPlane
from tests.e2e.hookserver import stopped

DOWN_SECONDS = (0.0, 3.0)
"""How long a part stays away."""


class Kills:
    """What is killed, and how often it was."""

    def __init__(self, plane: ControlPlane, installation: Operator) -> None:
        self.plane, self.installation = plane, installation
        self.done: Counter[str] = Counter()
        self.parts = {
            "Metacontroller": lambda down: self._again("metacontroller", down),
            "a worker of the hook server": self._worker,
            "the master of the hook server": self._master,
            "the hook server": self._hooks,
            "the API server": lambda _: components.kill_api_server(plane),
            "etcd": lambda down: self._again("etcd", down),
            "the controller manager": lambda down: self._again("kube-controller-manager", down),
        }

    def each(self, chance: random.Random) -> None:
        """Every part once, in any order, with pauses."""
        for name in chance.sample(sorted(self.parts), len(self.parts)):
            self.kill(name, chance)

    def kill(self, name: str, chance: random.Random) -> None:
        """One of them, after a pause."""
        time.sleep(chance.uniform(0.5, 4))
        self.start_ended()
        self.parts[name](chance.uniform(*DOWN_SECONDS))
        self.done[name] += 1

    def collect_anew(self) -> None:
        """Another garbage collector, which knows nothing of what it saw before."""
        self._again("kube-controller-manager", 0)

    def start_ended(self) -> None:
        """What ended by itself is started again, as by a kubelet: Metacontroller ends where it finds no API server."""
        for name in ("metacontroller", "kube-controller-manager"):
            if self.plane.processes[name].popen.poll() is not None:
                self._again(name, 0)

    def _again(self, name: str, down: float) -> None:
        killed = self.plane.processes[name]
        killed.stop(grace_seconds=0)
        time.sleep(down)
        environment = {"PYTHONPATH": str(ROOT)} if name == "metacontroller" else {}
        self.plane.run(name, *killed.popen.args, **environment)

    def _worker(self, down: float) -> None:
        """Any of them, by chance; gunicorn starts another one by itself."""
        master = self.plane.processes["hooks"].pid
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(master)], check=True, capture_output=True, text=True)
        workers = listed.stdout.split()
        os.kill(int(workers[int(down * 1000) % len(workers)]), signal.SIGKILL)

    def _master(self, down: float) -> None:
        """Its workers notice by themselves that it is gone."""
        os.kill(self.plane.processes["hooks"].pid, signal.SIGKILL)
        time.sleep(down)
        self._hooks(0)

    def _hooks(self, down: float) -> None:
        with stopped(self.plane, self.installation):
            time.sleep(down)


def install(plane: ControlPlane) -> Operator:
    """Nodes and the operator."""
    plane.add_nodes("mi300x")
    return operator.install(plane)
