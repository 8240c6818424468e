"""One pod of a model server as a process: its probes, its restarts with their back-off, and what its status says.

The fields of probes and their meaning are Kubernetes' (v1.Probe): a startup or liveness probe that failed ends the
container.
"""

import http.client
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from tests.cluster.containers import Launch, Raw, termination_message
from tests.cluster.processes import Process

FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 300.0
"""Seconds before a container that ended is started again; they double each time. A kubelet makes the first restart at
once, which on few cores would cost the control plane beside it more than it shows."""
POLITELY = ("nice", "-n", "5")
"""The control plane beside it has deadlines."""


@dataclass
class _Probe:
    spec: Raw
    due: float
    failures: int = 0
    successes: int = 0


@dataclass
class Replica:
    """A pod on this machine; `report` writes its status."""

    pod: Raw
    address: str
    launch: Launch
    logs: Path
    report: Callable[[Raw], None]
    process: Process | None = None
    probes: dict[str, _Probe] = field(default_factory=dict)
    restarts: int = 0
    """How many of its containers have ended."""
    started: bool = False
    ready: bool = False
    last: Raw | None = None
    """How the container before this one ended."""
    began: str = ""
    resume: float = 0.0
    """When the next attempt may begin."""
    ending: float | None = None
    """Until when it may end by itself, once it was told to."""
    told: float = 0.0
    """When it gets its SIGTERM then: after the sleep of its preStop."""

    @property
    def container(self) -> Raw:
        """The one container of its spec."""
        [found] = self.pod["spec"]["containers"]
        return found

    @property
    def place(self) -> list[str]:
        """Namespace and name."""
        return [self.pod["metadata"]["namespace"], self.pod["metadata"]["name"]]

    @property
    def processes(self) -> Iterator[Process]:
        """What runs of it."""
        if self.process:
            yield self.process

    @property
    def attempt(self) -> int:
        """The number of the container that runs, or that ended last; the first is 0."""
        return self.restarts - (self.process is None and self.last is not None)

    def log(self, attempt: int) -> Path:
        """What one of its containers wrote."""
        return self.logs / f"{'.'.join(self.place)}.{attempt}.log"

    def look(self, now: float) -> None:
        """One round: start it, watch it, ask its probes."""
        if self.process is None:
            if now >= self.resume and self.ending is None:
                self._start(now)
        elif self.process.popen.poll() is not None:
            self._ended(now)
        elif self.ending is not None:
            if now > self.ending:
                self.process.stop(0)
            elif now >= self.told:
                self.process.popen.send_signal(signal.SIGTERM)
                self.told = self.ending
        else:
            self._ask(now)

    def end(self, now: float, grace: float) -> None:
        """Let it end: by SIGTERM, and by SIGKILL once its time is over."""
        if self.ending is not None:
            return
        self.ending = now + grace
        if self.process is None:
            return
        waits = self.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        self.told = now + min(waits, grace)

    def stop(self) -> None:
        """End it at once, whatever runs."""
        if self.process:
            self.process.stop(0)

    @property
    def over(self) -> bool:
        """Whether it was told to end and has."""
        return self.ending is not None and self.process is None

    def _start(self, now: float) -> None:
        log = self.log(self.restarts)
        with log.open("ab") as output:
            popen = subprocess.Popen(
                (*POLITELY, *self.launch.command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=dict(self.launch.environment),
                cwd=self.logs,
            )
        self.process = Process(log.stem, popen, log)
        self.began, self.started, self.ready = _stamp(), False, False
        specs = {name: self.container[name] for name in PROBES if name in self.container}
        self.probes = {name: _Probe(spec, now + spec.get("initialDelaySeconds", 0)) for name, spec in specs.items()}
        if "startupProbe" not in specs:
            self.started = True
        self._tell()

    def _ask(self, now: float) -> None:
        for name, probe in self.probes.items():
            waits = self.started if name == "startupProbe" else not self.started
            if waits or now < probe.due:
                continue
            probe.due = now + probe.spec.get("periodSeconds", 10)
            good = answers(self.address, self.container, probe.spec)
            probe.successes, probe.failures = (probe.successes + 1, 0) if good else (0, probe.failures + 1)
            failed = probe.failures >= probe.spec.get("failureThreshold", 3)
            if name == "readinessProbe" and (failed or probe.successes >= probe.spec.get("successThreshold", 1)):
                self._becomes(ready=not failed)
            elif name == "startupProbe" and good:
                self.started = True
                self._tell()
            elif failed and self.process:
                self.process.stop(self.pod["spec"].get("terminationGracePeriodSeconds", 30))
                return

    def _becomes(self, *, ready: bool) -> None:
        if ready != self.ready:
            self.ready = ready
            self._tell()

    def _ended(self, now: float) -> None:
        assert self.process
        self.process.stop(0)  # what it started ends with it, as in a container
        code = self.process.popen.returncode
        log = self.process.log.read_bytes()
        self.last = {
            "exitCode": code if code >= 0 else 128 - code,
            "reason": "Error" if code else "Completed",
            "message": termination_message(self.container, self.launch.termination_log, log, failed=bool(code)),
            "startedAt": self.began,
            "finishedAt": _stamp(),
        }
        self.process, self.started, self.ready = None, False, False
        if self.ending is None:
            self.resume = now + min(FIRST_BACKOFF * 2**self.restarts, LONGEST_BACKOFF)
            self._tell()
            self.restarts += 1

    def _tell(self) -> None:
        """Write the status as a kubelet does; the conditions of others, such as PodScheduled, stay."""
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}
        state = {"running": {"startedAt": self.began}} if self.process else {"waiting": waiting}
        self.report(status(self.pod, self.address, state, self.last, self))


PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


class Container(Protocol):
    """What is told of the one container of a pod."""

    @property
    def restarts(self) -> int: ...
    @property
    def started(self) -> bool: ...
    @property
    def ready(self) -> bool: ...


def status(pod: Raw, address: str | None, state: Raw, last: Raw | None = None, replica: Container | None = None) -> Raw:
    """The status of a pod whose one container is in this state."""
    [container] = pod["spec"]["containers"]
    ready, now = bool(replica and replica.ready), _stamp()
    why = (
        {}
        if ready
        else {"reason": "ContainersNotReady", "message": f"containers with unready status: [{container['name']}]"}
    )
    given = {"status": str(ready), "lastTransitionTime": now, "reason": None, "message": None, **why}
    conditions = [
        {"type": "Initialized", "status": "True", "lastTransitionTime": now},
        *({"type": kind, **given} for kind in ("Ready", "ContainersReady")),
    ]
    return {
        "phase": "Running" if replica else "Pending",
        **({"podIP": address, "podIPs": [{"ip": address}], "hostIP": HOST_ADDRESS} if address else {}),
        "startTime": pod.get("status", {}).get("startTime") or now,
        "conditions": conditions,
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": ready,
                "started": bool(replica and replica.started),
                "restartCount": replica.restarts if replica else 0,
                # What is in force, as of a kubelet that can resize pods; else the API server lets nobody do that.
                "resources": container.get("resources") or {},
                "state": {"waiting": None, "running": None, "terminated": None, **state},
                **({"lastState": {"terminated": last}} if last else {}),
            }
        ],
    }


HOST_ADDRESS = "10.0.0.1"
"""That of every node: kwok's --node-ip."""


def answers(address: str, container: Raw, probe: Raw) -> bool:
    """Whether the probe succeeds: an answer from 200 to 399 within its time."""
    request = probe["httpGet"]
    ports = {one.get("name"): one["containerPort"] for one in container.get("ports", ())}
    asked = http.client.HTTPConnection(
        address, ports.get(request["port"], request["port"]), timeout=probe.get("timeoutSeconds", 1)
    )
    try:
        asked.request("GET", request.get("path", "/"), headers={"User-Agent": "kube-probe/1.37"})
        return 200 <= asked.getresponse().status < 400
    except OSError:
        return False
    finally:
        asked.close()


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def deadline(pod: Raw) -> float:
    """Seconds that a deleted pod has left."""
    return datetime.fromisoformat(pod["metadata"]["deletionTimestamp"]).timestamp() - time.time()
