"""The Helm charts on a control plane of their own: over an installation by kustomize, changed, and taken away."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chart.__main__ import write
from tests.chart.charts import CRDS, METACONTROLLER, OPERATOR, crds_chart, metacontroller_chart, operator_chart
from tests.cluster import binaries, operator
from tests.cluster.controlplane import control_plane
from tests.cluster.plane import ROOT, ControlPlane
from tests.kustomize import build

pytestmark = pytest.mark.e2e

Helm = Callable[..., str]
ENDPOINT = ROOT / "manifests" / "examples" / "endpoint.yaml"


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    """A control plane that nothing else uses, without anything of ours but the kinds."""
    with control_plane() as own:
        yield own


@pytest.fixture
def helm(plane, tmp_path) -> Helm:
    """The real program, against that control plane."""
    program = binaries.ensure(binaries.helm())["helm"]
    homes = {f"HELM_{name}_HOME": str(tmp_path / "helm") for name in ("CACHE", "CONFIG", "DATA")}

    def run(*arguments: str | Path) -> str:
        environment = {**os.environ, "KUBECONFIG": str(plane.kubeconfig), **homes}
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, f"helm {' '.join(map(str, arguments))}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def charts(tmp_path) -> dict[str, Path]:
    """The three charts; that of Metacontroller from what stands for its manifests here."""
    files = {
        CRDS: crds_chart(),
        METACONTROLLER: metacontroller_chart(build(operator.METACONTROLLER)),
        OPERATOR: operator_chart(),
    }
    return {name: write(tmp_path / name, content) for name, content in files.items()}


def variables(plane: ControlPlane) -> set[str]:
    """Of the hook server."""
    pod = plane.get("deployment", "aim-hooks", "--namespace=aim-system")["spec"]["template"]["spec"]
    return {one["name"] for one in pod["containers"][0]["env"]}


def identities(plane: ControlPlane) -> dict[str, str]:
    """What must not be made anew: the kinds, the namespace and what users have."""
    found = plane.get("namespaces,customresourcedefinitions,aimendpoints", "--all-namespaces")["items"]
    return {f"{one['kind']} {one['metadata']['name']}": one["metadata"]["uid"] for one in found}


def test_an_installation_by_kustomize_becomes_one_of_helm_which_changes_and_leaves(plane, helm, charts):
    def upgrade(name: str, *options: str, namespace: str = "aim-system") -> None:
        helm("upgrade", "--install", name, charts[name], f"--namespace={namespace}", *options)

    plane.apply(*operator.STEPS)
    plane.kubectl("apply", f"--filename={ENDPOINT}")
    before = identities(plane)
    assert "AIMEndpoint qwen" in before
    take_over = ("--take-ownership", "--force-conflicts")
    upgrade(CRDS, *take_over)
    upgrade(METACONTROLLER, *take_over, namespace="metacontroller")
    upgrade(OPERATOR, *take_over)
    assert identities(plane) == before
    assert "AIM_OBSERVE_LOGS" not in variables(plane)

    upgrade(
        OPERATOR, *take_over, "--set=components.podLogs=true", "--set=config.startupSeconds=7200", "--set=replicas=3"
    )
    assert "AIM_OBSERVE_LOGS" in variables(plane)
    helm("rollback", OPERATOR, "1", "--namespace=aim-system", "--force-conflicts")
    assert "AIM_OBSERVE_LOGS" not in variables(plane)
    assert plane.get("deployment", "aim-hooks", "--namespace=aim-system")["spec"]["replicas"] == 2

    helm("uninstall", OPERATOR, "--namespace=aim-system")
    helm("uninstall", METACONTROLLER, "--namespace=metacontroller")
    helm("uninstall", CRDS, "--namespace=aim-system")
    assert plane.get("deployments", "--namespace=aim-system")["items"] == []
    left = identities(plane)
    assert {name: left.get(name) for name in before} == before


def test_it_installs_where_nothing_is(plane, helm, charts):
    for name, namespace in ((CRDS, "aim-system"), (METACONTROLLER, "metacontroller")):
        options = ("--create-namespace", "--take-ownership", f"--namespace={namespace}")
        helm("upgrade", "--install", name, charts[name], *options)
    helm("upgrade", "--install", OPERATOR, charts[OPERATOR], "--namespace=aim-system")
    labels = plane.get("namespace", "aim-system")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert plane.get("aiminventory", "cluster")
    assert "STATUS: deployed" in helm("status", OPERATOR, "--namespace=aim-system")
