"""The commands of docs/operate/uninstall.md leave nothing of the operator, on a control plane of their own."""

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.cluster import operator
from tests.cluster.controlplane import control_plane
from tests.cluster.plane import ROOT, ControlPlane
from tests.docs.commands import steps

pytestmark = pytest.mark.e2e

PAGE = ROOT / "docs" / "operate" / "uninstall.md"
REMOTE = "manifests/metacontroller"
"""Fetches Metacontroller's manifests from GitHub; what the control plane installs instead is removed instead."""
TRANSIENT = {"events", "events.events.k8s.io", "leases.coordination.k8s.io", "persistentvolumes"}
"""What comes and goes by itself; volumes are a stock that the control plane tops up."""
OURS = r"CustomResourceDefinition |APIService .*\.(aim\.engine\.amd\.com|metacontroller\.k8s\.io)$"
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


def test_nothing_is_left(fresh):
    plane = fresh
    # The kinds are there from the beginning on this control plane: controllers notice new ones late.
    before = {one for one in everything(plane) if not re.match(OURS, one)}
    operator.install(plane)
    plane.kubectl("apply", f"--filename={ROOT / 'manifests' / 'examples' / 'endpoint.yaml'}")
    plane.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "aimendpoint/qwen")
    plane.kubectl("apply", f"--filename={ROOT / 'manifests' / 'examples' / 'cache.yaml'}")
    installed = everything(plane)
    assert {"Deployment default/qwen", "AIMCache default/models", "Namespace /aim-system"} <= installed
    commands = [step.text for step in steps(PAGE) if step.kind == "command"]
    assert [command for command in commands if REMOTE in command]
    for command in commands:
        here = command.replace(REMOTE, str(operator.STEPS[0]))
        done = subprocess.run(
            ["bash", "-c", here], env=plane.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
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
