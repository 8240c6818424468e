"""The commands of docs/operate/uninstall.md leave what they say, on control planes of their own."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import operator
from tests.cluster.controlplane import control_plane
from tests.cluster.plane import ROOT, ControlPlane
from tests.docs.commands import steps

pytestmark = pytest.mark.e2e

PAGE = ROOT / "docs" / "operate" / "uninstall.md"
EXAMPLES = ROOT / "manifests" / "examples"
REMOTE = "manifests/metacontroller"
"""Fetches Metacontroller's manifests from GitHub; what the control plane installs instead is removed instead."""
TRANSIENT = {"events", "events.events.k8s.io", "leases.coordination.k8s.io", "persistentvolumes"}
"""What comes and goes by itself; volumes are a stock that the control plane tops up."""
OURS = r"CustomResourceDefinition |APIService .*\.(aim\.engine\.amd\.com|metacontroller\.k8s\.io)$"
STAYS = "aimendpoints,aimcaches,deployments,replicasets,pods,services,persistentvolumeclaims,cronjobs"
SECONDS = 90


@pytest.fixture
def fresh() -> Iterator[ControlPlane]:
    """A control plane that nothing else uses."""
    with control_plane() as plane:
        plane.add_nodes("mi300x")
        yield plane


def everything(plane: ControlPlane) -> set[str]:
    """Every object of every kind that the API server serves, but for those that come and go by themselves."""
    kinds = plane.kubectl("api-resources", "--verbs=list", "--output=name").split()
    listed = plane.kubectl("get", ",".join(sorted({*kinds} - TRANSIENT)), "--all-namespaces", "--output=json")
    return {
        f"{one['kind']} {one['metadata'].get('namespace', '')}/{one['metadata']['name']}"
        for one in json.loads(listed)["items"]
    }


def labels(plane: ControlPlane) -> set[str]:
    """The keys of labels and annotations of nodes and namespaces."""
    found = plane.get("nodes,namespaces")["items"]
    parts = (one["metadata"].get(part) or {} for one in found for part in ("labels", "annotations"))
    return {key for part in parts for key in part if "aim.engine" in key or "metacontroller" in key}


def follow(plane: ControlPlane, section: str, folder: Path) -> None:
    """Run the commands of a section of the page."""
    [part] = [one for one in PAGE.read_text().split("\n## ") if one.startswith(section)]
    (folder / "section.md").write_text(part)
    commands = [step.text for step in steps(folder / "section.md") if step.kind == "command"]
    assert [command for command in commands if REMOTE in command]
    for command in commands:
        here = command.replace(REMOTE, str(operator.METACONTROLLER))
        done = subprocess.run(
            ["bash", "-c", here], env=plane.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def kept(plane: ControlPlane) -> dict[str, str]:
    """What users have, and what was made of it, with the identity of each, and the pods that Deployments ask for."""
    found = plane.get(STAYS)["items"]
    return {
        f"{one['kind']} {one['metadata']['name']}": f"{one['metadata']['uid']} {one['spec'].get('template', '')}"
        for one in found
        if "Job" not in {owner["kind"] for owner in one["metadata"].get("ownerReferences", ())}
    }


def stop(installed: operator.Operator) -> None:
    """What a cluster does with the pods of the operator, which are processes here."""
    installed.metacontroller.stop()
    installed.hooks.stop()


def test_endpoints_and_claims_stay_and_the_next_installation_goes_on_with_them(fresh, tmp_path):
    plane = fresh
    installed = operator.install(plane)
    long = json.loads(
        plane.kubectl("create", "--dry-run=client", "--output=json", f"--filename={EXAMPLES / 'endpoint.yaml'}")
    )
    for name in ("qwen", "leaving"):
        raw = {**long, "metadata": {"name": name, "namespace": "default"}}
        plane.kubectl("apply", "--filename=-", input=json.dumps(raw))
    plane.kubectl("apply", f"--filename={EXAMPLES / 'cache.yaml'}")
    plane.kubectl("wait", "--for=condition=Ready", "--timeout=90s", "aimendpoint/qwen", "aimendpoint/leaving")
    plane.kubectl("wait", "--for=jsonpath={.status.observedGeneration}=1", "--timeout=60s", "aimcache/models")
    follow(plane, "Keep what it made", tmp_path)
    before = kept(plane)
    assert {
        "AIMEndpoint qwen",
        "Deployment qwen",
        "AIMCache models",
        "PersistentVolumeClaim models-storage",
    } <= before.keys()
    stop(installed)
    plane.kubectl("delete", "aimendpoint", "leaving", "--timeout=30s")
    plane.wait_for("its children to go", lambda: not [one for one in kept(plane) if "leaving" in one])
    left = {what: which for what, which in before.items() if "leaving" not in what}
    assert kept(plane) == left
    plane.apply(*operator.STEPS[:2])  # which waits until the kinds are served
    operator.install(plane)
    for hook in ("endpoint", "cache"):
        plane.kubectl("annotate", f"aim{hook}", "--all", "test/touched=yes")
    plane.kubectl("patch", "aimendpoint", "qwen", "--type=merge", '--patch={"spec": {"replicas": 2}}')
    plane.kubectl("wait", "--for=jsonpath={.spec.replicas}=2", "--timeout=60s", "deployment/qwen")
    plane.kubectl("wait", "--for=jsonpath={.status.observedGeneration}=2", "--timeout=60s", "aimendpoint/qwen")
    after = kept(plane)
    assert {what: after.get(what) for what in left} == left


def test_nothing_is_left(fresh, tmp_path):
    plane = fresh
    # The kinds are there from the beginning on this control plane: controllers notice new ones late.
    before = {one for one in everything(plane) if not re.match(OURS, one)}
    operator.install(plane)
    plane.kubectl("apply", f"--filename={EXAMPLES / 'endpoint.yaml'}")
    plane.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "aimendpoint/qwen")
    plane.kubectl("apply", f"--filename={EXAMPLES / 'cache.yaml'}")
    installed = everything(plane)
    assert {"Deployment default/qwen", "AIMCache default/models", "Namespace /aim-system"} <= installed
    follow(plane, "Remove everything", tmp_path)
    left: set[str] = set()

    def gone() -> bool:
        left.clear()
        left.update(everything(plane) - before)
        volumes = plane.get("persistentvolumes")["items"]
        left.update(f"claim of {one['metadata']['name']}" for one in volumes if one["status"]["phase"] == "Bound")
        return not left

    try:
        plane.wait_for("everything to go", gone, SECONDS)
    except Exception as error:
        raise AssertionError(f"left: {sorted(left)}") from error
    assert before - everything(plane) == set()
    assert labels(plane) == set()
