"""One pod of a gateway as processes: the agent and Envoy, with what the pod mounts, on the pod's own address.

Containers of a pod share a loopback that is theirs; here all pods have the same. So each gets ports of its own there,
which are exchanged in its table, too.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aimlib.gateway.table import HOLDER
from tests import envoy
from tests.cluster import mounts
from tests.cluster.containers import Raw, Read, placed
from tests.cluster.plane import ROOT
from tests.cluster.processes import Process, start
from tests.dataplane.replica import POLITELY, answers, status

FILES = "/run/envoy"
FOLDERS = {"table": "/etc/gateway/table", "clients": "/etc/gateway/clients", "tls": "/etc/gateway/tls"}
FIRST_ADMIN_PORT, FIRST_HOLD_PORT = 19901, 18081
MOUNT_SECONDS, PROBE_SECONDS = 1.0, 1.0
"""A kubelet takes up to a minute for the first; it asks the probe of a pod that is not ready more often than stated."""
PROGRAMS = {"python": (sys.executable,), "envoy": (str(envoy.program()), "--concurrency", "1", "--log-level", "warn")}


@dataclass
class GatewayReplica:
    """A pod on this machine; `number` differs between those that run, `report` writes its status."""

    pod: Raw
    address: str
    number: int
    folder: Path
    logs: Path
    read: Read
    report: Callable[[Raw], None]
    running: dict[str, Process] = field(default_factory=dict)
    """Its containers by name: `files` until it has ended, then `envoy` and `agent`."""
    mounted: dict[str, dict[str, bytes]] = field(default_factory=dict)
    restarts: int = 0
    started: bool = False
    ready: bool = False
    ending: float | None = None
    """Until when it may end by itself, once it was told to."""
    mount_due: float = 0.0
    probe_due: float = 0.0
    over: bool = False

    @property
    def place(self) -> list[str]:
        """Namespace and name."""
        return [self.pod["metadata"]["namespace"], self.pod["metadata"]["name"]]

    @property
    def processes(self) -> Iterator[Process]:
        """What runs of it."""
        yield from self.running.values()

    @property
    def attempt(self) -> int:
        """All containers of one name write to one log."""
        return 0

    def log(self, _attempt: int = 0, container: str = "agent") -> Path:
        """What a container wrote."""
        return self.logs / f"{'.'.join(self.place)}.{container}.log"

    def look(self, now: float) -> None:
        """One round: mount what changed, keep its containers running, ask its probe."""
        if self.ending is not None:
            self._finish(now)
            return
        if now >= self.mount_due:
            self.mount_due = now + MOUNT_SECONDS
            self._mount()
        if self.started:
            self._keep(now)
        elif "table" in self.mounted:
            self._begin()

    def end(self, now: float, grace: float) -> None:
        """Tell the agent to end, which lets requests end first; Envoy, a sidecar, is ended after it."""
        if self.ending is not None:
            return
        self.ending, self.ready = now + grace, False
        if "agent" in self.running:
            os.kill(self.running["agent"].pid, signal.SIGTERM)

    def stop(self) -> None:
        """End all of it at once."""
        for one in self.running.values():
            one.stop(0)

    def _finish(self, now: float) -> None:
        agent = self.running.get("agent")
        if agent is None or agent.popen.poll() is not None or now > (self.ending or 0):
            self.stop()
            self.over = True

    def _begin(self) -> None:
        """The files first, again and again until they are there; then both containers."""
        process = self.running.get("files")
        if process is None:
            self._start("files")
            self.report(self._status())
        elif (code := process.popen.poll()) is not None:
            del self.running["files"]
            if code == 0:
                self.started = True
                for name in ("envoy", "agent"):
                    self._start(name)

    def _keep(self, now: float) -> None:
        for name in ("envoy", "agent"):
            if self.running[name].popen.poll() is not None:
                self.restarts += 1
                self.ready = False
                self._start(name)
                self.report(self._status())
        if now >= self.probe_due:
            self.probe_due = now + PROBE_SECONDS
            agent = self._container("agent")
            ready = answers(self.address, agent, agent["readinessProbe"])
            if ready != self.ready:
                self.ready = ready
                self.report(self._status())

    def _status(self) -> Raw:
        state = {"running": {}} if self.started else {"waiting": {"reason": "PodInitializing"}}
        told = status(self.pod, self.address, state, None, self)
        return {**told, "initContainerStatuses": [self._init_status(one) for one in self.pod["spec"]["initContainers"]]}

    def _init_status(self, container: Raw) -> Raw:
        """A sidecar runs on, and another one has ended, once the pod has started."""
        runs = container.get("restartPolicy") == "Always"
        ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
        return {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "restartCount": 0,
            "ready": self.started,
            "started": self.started and runs,
            "state": {"running": {}} if runs == self.started else ended if self.started else {"waiting": {}},
        }

    def _container(self, name: str) -> Raw:
        spec = self.pod["spec"]
        return next(one for one in (*spec["initContainers"], *spec["containers"]) if one["name"] == name)

    def _start(self, name: str) -> None:
        container = self._container(name)
        places = {FILES: self._files, **{path: self.folder / kind for kind, path in FOLDERS.items()}}
        program, *words = [placed(word, places) for word in (*container["command"], *container["args"])]
        own = ["--base-id", str(FIRST_ADMIN_PORT + self.number)] if name == "envoy" else self._options()
        command = [*POLITELY, *PROGRAMS[program], *words, *own]
        process = start(self.log(container=name).stem, command, self.logs, {"PYTHONPATH": str(ROOT)})
        self.running[name] = process

    @property
    def _files(self) -> Path:
        made = self.folder / "run"
        made.mkdir(parents=True, exist_ok=True)
        return made

    def _options(self) -> list[str]:
        """What the agent of a pod of its own need not be told."""
        ports = {"admin-port": FIRST_ADMIN_PORT + self.number, "hold-port": FIRST_HOLD_PORT + self.number}
        places = {"files": self._files, **{kind: self.folder / kind for kind in FOLDERS}}
        return [f"--{name}={value}" for name, value in {**places, **ports, "address": self.address}.items()]

    def _mount(self) -> None:
        for volume in self.pod["spec"]["volumes"]:
            found = self._content(volume)
            if found is not None and found != self.mounted.get(volume["name"]):
                mounts.write(self.folder / volume["name"], found)
                self.mounted[volume["name"]] = found

    def _content(self, volume: Raw) -> dict[str, bytes] | None:
        """The files of a volume; None of one that has none, or not yet."""
        if source := volume.get("configMap"):
            data = (self.read("configmap", source["name"]) or {}).get("data") or {}
            return {name: self._with_own_port(text).encode() for name, text in data.items()} or None
        if source := volume.get("secret"):
            secret = self.read("secret", source["secretName"])
            return {name: text.encode() for name, text in secret.get("data", {}).items()} if secret else None
        return None

    def _with_own_port(self, text: str) -> str:
        table = json.loads(text)
        for target in (one for model in table.get("models", ()) for one in model["targets"]):
            if (target.get("fallback") or {}).get("host") == HOLDER:
                target["fallback"]["port"] = FIRST_HOLD_PORT + self.number
        return json.dumps(table)
