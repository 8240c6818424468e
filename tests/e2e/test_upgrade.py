"""Endpoints that run live through an upgrade from the former release, and through the way back: no server restarts.

Both call themselves by one version until there is a tag, so the URLs of hooks do not change, as they do between
releases; each object is touched instead, which has the new release look at it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster import former, operator
from tests.cluster.controlplane import control_plane
from tests.cluster.plane import ControlPlane

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
ENDPOINTS = {
    "plain": {"modelId": MODEL},
    "several": {"modelId": MODEL, "replicas": 2, "security": {"serviceAccount": {"create": True}}},
    "scaling": {"modelId": MODEL, "scaling": {"minReplicas": 1, "maxReplicas": 2}, "monitoring": {"enabled": True}},
    "cached": {"modelId": MODEL, "cache": {"enabled": True, "size": "100Gi"}},
}
"""Endpoints with children of many kinds, and their specs."""
SYNCS = re.compile(r'^aim_hook_requests_total\{[^}]*hook="/?endpoint/sync"[^}]*\} ([\d.e+]+)$', re.MULTILINE)


@pytest.fixture
def fresh() -> Iterator[ControlPlane]:
    """A control plane that nothing else uses."""
    with control_plane() as plane:
        plane.add_nodes("mi300x")
        yield plane


def running(plane: ControlPlane) -> dict[str, str]:
    """What serves: pods by identity, Deployments by identity, generation and the pods that they ask for; and claims."""
    found = {}
    for one in plane.get("pods,deployments,persistentvolumeclaims", "--namespace=default")["items"]:
        metadata, template = one["metadata"], one["spec"].get("template")
        name = f"{one['kind']} {metadata['name']}"
        found[name] = f"{metadata['uid']} {metadata.get('generation') if template else ''} {json.dumps(template)}"
    return found


def looked_at(plane: ControlPlane, installed: operator.Operator, mark: str) -> None:
    """Touch all endpoints, and wait until the hook server that runs now has answered for each, and has said so."""

    def answered() -> float:
        return sum(map(float, SYNCS.findall(installed.read("/metrics"))))

    before = answered()
    plane.kubectl("annotate", "aimendpoints", "--all", "--overwrite", f"test/touched={mark}")
    plane.wait_for("every endpoint to be looked at", lambda: answered() >= before + len(ENDPOINTS))
    plane.kubectl("wait", "--for=condition=Ready", "--timeout=90s", "aimendpoints", "--all")


def former_release(folder: Path) -> Path:
    """The former release's files. A clone without its history, of which nobody gives more, is named as not tested."""
    try:
        return former.checkout(folder)
    except former.MissingFormerError as error:
        pytest.skip(f"NOT TESTED: {error}")


def pinned(plane: ControlPlane) -> dict[str, tuple[str, str, str]]:
    """By endpoint, what is selected."""
    found = {one["metadata"]["name"]: one["status"]["resolved"] for one in plane.get("aimendpoints")["items"]}
    return {name: (one["recipe"], one["image"], one["decidedFor"]) for name, one in found.items()}


def test_no_server_restarts_by_an_upgrade_and_on_the_way_back(fresh, tmp_path):
    plane, earlier = fresh, former_release(tmp_path)
    installed = operator.install(plane, root=earlier)
    for name, spec in ENDPOINTS.items():
        raw = {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMEndpoint", "metadata": {"name": name}}
        plane.kubectl("apply", "--filename=-", input=yaml.safe_dump({**raw, "spec": spec}))
    plane.kubectl("wait", "--for=condition=Ready", "--timeout=120s", "aimendpoints", "--all")
    looked_at(plane, installed, "before")
    before, decisions = running(plane), pinned(plane)
    assert sum(name.startswith("Pod ") for name in before) == 5

    upgraded = operator.replace(plane, installed, operator.ROOT)
    looked_at(plane, upgraded, "upgraded")
    assert running(plane) == before
    assert pinned(plane) == decisions
    assert plane.get("aimgateways")["items"] == []  # the new release's own kinds are there

    returned = operator.replace(plane, upgraded, earlier)
    looked_at(plane, returned, "returned")
    assert running(plane) == before
    assert pinned(plane) == decisions

    plane.kubectl("patch", "aimendpoint", "plain", "--type=merge", '--patch={"spec": {"replicas": 2}}')
    plane.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=2", "--timeout=90s", "deployment/plain")
    stayed = {name: which for name, which in running(plane).items() if name.startswith("Pod ") and name in before}
    assert stayed == {name: which for name, which in before.items() if name.startswith("Pod ")}
