"""The control plane itself: without it behaving like a cluster no end-to-end test means anything."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.cluster import audit, volumes
from tests.cluster.fleet import add_fleet
from tests.cluster.plane import HERE, ControlPlane, KubectlError
from tests.cluster.processes import StartError, running

pytestmark = pytest.mark.e2e

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: %(name)s}
spec:
  replicas: %(replicas)d
  selector: {matchLabels: {app: %(name)s}}
  template:
    metadata: {labels: {app: %(name)s}}
    spec:
      containers:
      - name: server
        image: example/server:%(tag)s
        resources: {limits: {amd.com/gpu: %(devices)d}}
"""


def deployment(name: str, tag: str = "v1", devices: int = 1, replicas: int = 1) -> str:
    return DEPLOYMENT % {"name": name, "tag": tag, "devices": devices, "replicas": replicas}


def ready(plane: ControlPlane, name: str) -> int:
    return plane.get("deployment", name)["status"].get("readyReplicas", 0)


def pods(plane: ControlPlane, name: str) -> list[dict]:
    return plane.get("pods", f"--selector=app={name}")["items"]


def test_it_reports_the_version_that_was_built(plane):
    versions = json.loads(plane.kubectl("version", "--output=json"))
    assert versions["serverVersion"]["gitVersion"] == versions["clientVersion"]["gitVersion"]
    assert versions["serverVersion"]["gitVersion"].startswith("v1.")


def test_simulated_nodes_are_ready_with_their_devices(plane):
    node = plane.get("node", "mi300x-0")
    assert {c["type"]: c["status"] for c in node["status"]["conditions"]}["Ready"] == "True"
    assert node["status"]["allocatable"]["amd.com/gpu"] == "8"
    assert node["metadata"]["labels"]["amd.com/gpu.device-id"] == "74a1"


def test_every_node_file_is_accepted_by_the_api_server(plane):
    for file in sorted((HERE / "nodes").glob("*.yaml")):
        plane.kubectl("apply", "--server-side", "--dry-run=server", "--force-conflicts", f"--filename={file}")


def test_a_node_has_a_heartbeat_and_a_lease(plane):
    def heartbeat() -> str:
        return plane.get("node", "mi300x-0")["status"]["conditions"][0]["lastHeartbeatTime"]

    first = heartbeat()
    plane.wait_for("a heartbeat", lambda: heartbeat() != first, 40)
    assert plane.get("lease", "mi300x-0", "--namespace=kube-node-lease")["spec"]["leaseDurationSeconds"] == 40


def test_a_fleet_of_nodes_is_ready_and_quiet(plane):
    add_fleet(plane, "mi300x", 30, heartbeat="10m")
    fleet = ("nodes", "--selector=simulation/fleet=mi300x")
    before = plane.get(*fleet)["items"]
    names = {f"mi300x-copy-{number}" for number in range(30)}
    assert {node["metadata"]["labels"]["kubernetes.io/hostname"] for node in before} == names
    time.sleep(17)  # longer than the usual heartbeat
    assert plane.get(*fleet)["items"] == before
    plane.kubectl("delete", *fleet, "--wait=false")


def test_a_deployment_with_a_gpu_becomes_ready_on_a_gpu_node(plane):
    plane.kubectl("apply", "--filename=-", input=deployment("one-gpu"))
    plane.kubectl("rollout", "status", "deployment/one-gpu", "--timeout=30s")
    assert [pod["spec"]["nodeName"].split("-")[0] for pod in pods(plane, "one-gpu")] in (["mi300x"], ["mi325x"])
    plane.kubectl("delete", "deployment", "one-gpu")
    plane.wait_for("its pods to go", lambda: not pods(plane, "one-gpu"), 30)


def test_more_gpus_than_any_node_has_stay_pending(plane):
    plane.kubectl("apply", "--filename=-", input=deployment("nine-gpus", devices=9))
    plane.wait_for("the scheduler's word", lambda: bool(_unschedulable(plane, "nine-gpus")), 30)
    assert "Insufficient amd.com/gpu" in _unschedulable(plane, "nine-gpus")[0]
    plane.kubectl("delete", "deployment", "nine-gpus")


def _unschedulable(plane: ControlPlane, name: str) -> list[str]:
    conditions = [c for pod in pods(plane, name) for c in pod["status"].get("conditions", ())]
    return [c["message"] for c in conditions if c["type"] == "PodScheduled" and c["status"] == "False"]


@pytest.mark.parametrize(
    ("tag", "waiting"),
    [("v1-never-ready", None), ("v1-crash-loop", "CrashLoopBackOff"), ("v1-out-of-memory", "CrashLoopBackOff")],
)
def test_an_image_can_fail_on_purpose(plane, tag, waiting):
    plane.kubectl("apply", "--filename=-", input=deployment(tag, tag=tag))
    plane.wait_for("the pod to start", lambda: [p["status"]["phase"] for p in pods(plane, tag)] == ["Running"], 30)
    [container] = pods(plane, tag)[0]["status"]["containerStatuses"]
    assert container["state"].get("waiting", {}).get("reason") == waiting
    assert ready(plane, tag) == 0
    plane.kubectl("delete", "deployment", tag)


def test_a_claim_without_a_class_binds_to_the_default_class(plane):
    plane.kubectl("apply", "--filename=-", input=_claim("unclassed"))
    plane.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/unclassed", "--timeout=30s")
    assert plane.get("pvc", "unclassed")["spec"]["storageClassName"] == "standard"
    plane.kubectl("delete", "pvc", "unclassed")


def test_more_claims_bind_than_there_were_volumes_in_stock(plane):
    count = volumes.STOCK["fast-ssd"] + 3
    claims = "\n---\n".join(_claim(f"many-{number}", "fast-ssd") for number in range(count))
    plane.kubectl("apply", "--filename=-", input=claims)
    names = [f"pvc/many-{number}" for number in range(count)]
    plane.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", *names, "--timeout=60s")
    plane.kubectl("delete", *names)

    def released() -> set[str]:
        found = plane.get("persistentvolumes")["items"]
        return {one["metadata"]["name"] for one in found if one["spec"].get("claimRef", {}).get("name") in wanted}

    wanted = {name.removeprefix("pvc/") for name in names}
    plane.wait_for("the volumes of deleted claims to go", lambda: not released(), 30)


def _claim(name: str, storage_class: str | None = None) -> str:
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "500Gi"}}}
    if storage_class:
        spec["storageClassName"] = storage_class
    metadata = {"name": name}
    return json.dumps({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})


def test_a_job_completes(plane):
    plane.kubectl("create", "job", "quick", "--image=example/job:v1")
    plane.kubectl("wait", "--for=condition=Complete", "job/quick", "--timeout=30s")
    plane.kubectl("delete", "job", "quick")


def test_an_autoscaler_reads_the_scale_of_a_custom_resource(plane):
    plane.kubectl("apply", "--filename=-", input=SCALED)
    plane.kubectl("wait", "--for=condition=Established", "crd/things.scaled.example.com", "--timeout=30s")
    plane.kubectl("apply", "--filename=-", input=THING)
    status = '{"status": {"replicas": 2, "selector": "app=thing"}}'
    plane.kubectl("patch", "thing", "thing", "--subresource=status", "--type=merge", f"--patch={status}")

    def able() -> bool:
        conditions = plane.get("hpa", "thing")["status"].get("conditions") or ()
        return any(c["type"] == "AbleToScale" and c["status"] == "True" for c in conditions)

    plane.wait_for("the autoscaler to read the scale", able, 60)
    assert plane.get("hpa", "thing")["status"]["currentReplicas"] == 2
    plane.kubectl("delete", "crd/things.scaled.example.com", "hpa/thing")


SCALED = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.scaled.example.com}
spec:
  group: scaled.example.com
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    subresources:
      status: {}
      scale:
        specReplicasPath: .spec.replicas
        statusReplicasPath: .status.replicas
        labelSelectorPath: .status.selector
"""
THING = """
apiVersion: scaled.example.com/v1
kind: Thing
metadata: {name: thing}
spec: {replicas: 2}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: thing}
spec:
  scaleTargetRef: {apiVersion: scaled.example.com/v1, kind: Thing, name: thing}
  minReplicas: 1
  maxReplicas: 3
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}
"""


def test_deleting_an_owner_deletes_what_it_owns(plane):
    plane.kubectl("create", "configmap", "owner")
    uid = plane.get("configmap", "owner")["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    owned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "ownerReferences": [owner]}}
    plane.kubectl("apply", "--filename=-", input=json.dumps(owned))
    plane.kubectl("delete", "configmap", "owner")
    plane.wait_for("it to go", lambda: not plane.kubectl("get", "configmap", "owned", "--ignore-not-found"), 30)


def test_writes_are_counted_by_user(plane):
    before = audit.position(plane)
    plane.kubectl("create", "configmap", "counted")
    plane.kubectl("get", "configmap", "counted")
    plane.kubectl("delete", "configmap", "counted")
    made = [write for write in audit.writes(plane, since=before, user="admin") if write.resource == "configmaps"]
    assert [(write.verb, write.code) for write in made] == [("create", 201), ("delete", 200)]


def test_a_failing_kubectl_reports_its_command(plane):
    with pytest.raises(KubectlError, match=r'kubectl get pod absent: .*"absent" not found'):
        plane.kubectl("get", "pod", "absent")


def test_stopping_leaves_no_process_of_the_group(tmp_path):
    script = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
    with running("parent", [sys.executable, "-c", script], tmp_path) as parent:
        parent.wait_until(lambda: bool(parent.tail()), 10)
        child = int(parent.tail())
        assert os.getpgid(child) == parent.pid
    assert _gone(child)
    assert _gone(parent.pid)


def test_a_program_that_ends_at_once_is_reported_with_its_last_output(tmp_path):
    script = [sys.executable, "-c", "import sys; sys.exit('no such flag')"]
    with running("short", script, tmp_path) as short, pytest.raises(StartError, match=r"code 1(.|\n)*no such flag"):
        short.wait_until(lambda: False, 10)


def test_nothing_is_left_when_the_parent_process_is_stopped(tmp_path):
    script = f"""
        import pathlib, time
        from tests.cluster.__main__ import stop_on_signals
        from tests.cluster.controlplane import control_plane
        stop_on_signals()
        with control_plane() as plane:
            lines = [str(plane.folder), *(str(p.pid) for p in plane.processes.values())]
            pathlib.Path({str(tmp_path / "started")!r}).write_text("\\n".join(lines) + "\\nall")
            time.sleep(600)
    """
    started = tmp_path / "started"
    with running("starter", [sys.executable, "-c", textwrap.dedent(script)], tmp_path) as starter:
        starter.wait_until(lambda: started.exists() and started.read_text().endswith("all"), 120)
        folder, *pids = started.read_text().splitlines()[:-1]
        assert len(pids) == 5
        starter.popen.send_signal(signal.SIGTERM)
        starter.popen.wait(60)
    assert [pid for pid in pids if not _gone(int(pid))] == []
    assert not Path(folder).exists()


def _gone(pid: int) -> bool:
    """Whether a process has ended; one that has, but that init has not yet collected, counts."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True).stdout
    return not state.strip() or state.startswith("Z")
