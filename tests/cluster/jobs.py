"""What runs the pods of our Jobs as processes of this machine, in the place of a kubelet and container runtime.

kwok leaves these pods alone (stages.yaml). What becomes of one is in its status, as of any pod, so that the Job
controller with its back-off and podFailurePolicy acts on what has really happened.
"""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster.clients import core
from tests.cluster.containers import Launch, Raw, WaitingError, launch, termination_message
from tests.cluster.lookups import reader, unless_gone
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import Process
from tests.cluster.rounds import rounds

SELECTOR = "app.kubernetes.io/name in (aim-cache,aim-certificates,aim-inspection)"
POLL_SECONDS = 0.25


@contextmanager
def runner(plane: ControlPlane) -> Iterator[None]:
    """Run those pods for as long as the context lasts; none of their processes is left afterwards."""
    kubelet = _Kubelet(plane)
    try:
        with rounds("jobs", POLL_SECONDS, kubelet.look):
            yield
    finally:
        kubelet.stop()


@dataclass
class _Running:
    process: Process
    launch: Launch
    started: str
    asked_to_end: bool = False


class _Kubelet:
    """The pods that run here, by uid, and what is to be done about each."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        # A user of its own, so that the audit log tells what it reads from what anybody else does.
        self.core = core(plane.credentials.folder / "kubelet.kubeconfig")
        self.running: dict[str, _Running] = {}
        self.ended: set[str] = set()
        self.waiting: dict[str, str] = {}
        (plane.logs / "pods").mkdir()

    def stop(self) -> None:
        for one in self.running.values():
            one.process.stop(0)

    def look(self) -> None:
        """One round over all pods."""
        reply = self.core.list_pod_for_all_namespaces(
            label_selector=SELECTOR, resource_version="0", _preload_content=False
        )
        pods = {pod["metadata"]["uid"]: pod for pod in json.loads(reply.data)["items"]}
        for uid in self.running.keys() - pods.keys():  # deleted by force
            self.running.pop(uid).process.stop(0)
        self.ended &= pods.keys()
        for uid, pod in pods.items():
            if uid in self.running:
                self._watch(uid, pod)
            elif "deletionTimestamp" in pod["metadata"]:
                self._delete(uid, pod)
            elif uid not in self.ended and pod["spec"].get("nodeName"):
                self._start(uid, pod)

    def _start(self, uid: str, pod: Raw) -> None:
        try:
            found = launch(pod, self._folder(uid), self.plane.folder / "volumes", reader(self.core, pod))
        except WaitingError as error:
            if self.waiting.get(uid) != str(error):
                self._report(pod, "Pending", {"waiting": {"reason": error.reason, "message": str(error)}})
                self.waiting[uid] = str(error)
            return
        self.waiting.pop(uid, None)
        self._folder(uid).mkdir(parents=True, exist_ok=True)
        log = self.plane.logs / "pods" / f"{pod['metadata']['namespace']}.{pod['metadata']['name']}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                found.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**found.environment, "PYTHONPATH": str(self.plane.release), **self._identity(uid, pod)},
                cwd=self.plane.release,
            )
        self.running[uid] = _Running(Process(log.stem, popen, log), found, _now())
        self._report(pod, "Running", {"running": {"startedAt": self.running[uid].started}})

    def _watch(self, uid: str, pod: Raw) -> None:
        one = self.running[uid]
        if one.process.popen.poll() is None:
            self._end(one, pod)
            return
        one.process.stop(0)  # what it started ends with it, as in a container
        code = one.process.popen.returncode
        terminated = {
            "exitCode": code if code >= 0 else 128 - code,
            "reason": "Error" if code else "Completed",
            "message": termination_message(
                pod["spec"]["containers"][0],
                one.launch.termination_log,
                one.process.log.read_bytes(),
                failed=bool(code),
            ),
            "startedAt": one.started,
            "finishedAt": _now(),
        }
        self._report(pod, "Failed" if code else "Succeeded", {"terminated": terminated})
        del self.running[uid]
        self.ended.add(uid)
        shutil.rmtree(self._folder(uid))

    def _end(self, one: _Running, pod: Raw) -> None:
        """Ask the process of a deleted pod to end; once its time is over, make it."""
        if "deletionTimestamp" not in pod["metadata"]:
            return
        if time.time() > datetime.fromisoformat(pod["metadata"]["deletionTimestamp"]).timestamp():
            one.process.popen.send_signal(signal.SIGKILL)
        elif not one.asked_to_end:
            one.asked_to_end = True
            one.process.popen.send_signal(signal.SIGTERM)

    def _delete(self, uid: str, pod: Raw) -> None:
        """Give up a pod that was deleted and whose process, if it ever had one, has ended."""
        if uid not in self.ended:
            self._report(pod, "Failed", None)
            self.ended.add(uid)
        if pod["metadata"].get("deletionGracePeriodSeconds"):
            namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
            unless_gone(
                self.core.delete_namespaced_pod,
                name,
                namespace,
                body={"gracePeriodSeconds": 0, "preconditions": {"uid": uid}},
            )

    def _report(self, pod: Raw, phase: str, state: Raw | None) -> None:
        """Write the status as a kubelet does; the conditions of others, such as PodScheduled, stay."""
        ready = "True" if phase == "Running" else "False"
        why = {"reason": "PodCompleted"} if phase in {"Succeeded", "Failed"} else {}
        status: Raw = {
            "phase": phase,
            "conditions": [{"type": each, "status": ready, **why} for each in ("Ready", "ContainersReady")],
        }
        if state:
            [container] = pod["spec"]["containers"]
            told = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0}
            running = "running" in state
            state = {"waiting": None, "running": None, "terminated": None, **state}
            status["containerStatuses"] = [{**told, "ready": running, "started": running, "state": state}]
        if phase == "Running":
            status["startTime"] = state["running"]["startedAt"]
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        unless_gone(self.core.patch_namespaced_pod_status, name, namespace, body={"status": status})

    def _identity(self, uid: str, pod: Raw) -> dict[str, str]:
        """A kubeconfig with a token of the pod's own service account, unless the pod wants none."""
        if not pod["spec"].get("automountServiceAccountToken", True):
            return {}
        account, namespace = pod["spec"]["serviceAccountName"], pod["metadata"]["namespace"]
        request = {"spec": {"expirationSeconds": 24 * 3600}}
        reply = self.core.create_namespaced_service_account_token(account, namespace, request, _preload_content=False)
        token = json.loads(reply.data)["status"]["token"]
        written = self.plane.credentials.kubeconfig(f"pod-{uid}", self.plane.server, token)
        kept = self._folder(uid) / "kubeconfig"
        written.replace(kept)
        return {"KUBECONFIG": str(kept)}

    def _folder(self, uid: str) -> Path:
        return self.plane.folder / "pods" / uid


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
