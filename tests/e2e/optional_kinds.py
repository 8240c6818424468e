"""Components of kinds that not every cluster has, added to the running operator and taken away again."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.cluster import gateway_api, keda, lws, mounts, operator, vpa
from tests.cluster.operator import Operator
from tests.cluster.plane import ROOT, ControlPlane

OVERLAYS = ROOT / "manifests" / "overlays"
MODEL = "Qwen/Qwen3-32B"
ROUTE = {"parentRefs": [{"name": "edge", "namespace": "gateways"}], "hostnames": ["chat.example.com"], "path": "/chat"}


@contextmanager
def _added(plane: ControlPlane, installation: Operator, name: str, files: list[Path]) -> Iterator[None]:
    """The CRDs in these files, then the component; afterwards the component goes first."""
    plane.apply_kinds(*files)
    crds = [f"--filename={file}" for file in files]
    operator.apply(plane, OVERLAYS / name, installation.urls, catalogue=False)
    try:
        yield
    finally:
        operator.apply(plane, operator.OVERLAY, installation.urls, catalogue=False)
        plane.kubectl("delete", "clusterrole,clusterrolebinding", f"metacontroller-{name}")
        plane.kubectl("delete", *crds)


def gateway_component(plane: ControlPlane, installation: Operator) -> AbstractContextManager[None]:
    """Gateway API, and the component gateway-api."""
    return _added(plane, installation, "gateway-api", [gateway_api.crd_file(plural) for plural in gateway_api.KINDS])


def vertical_component(plane: ControlPlane, installation: Operator) -> AbstractContextManager[None]:
    """The CRDs of the VerticalPodAutoscaler, and the component vpa."""
    return _added(plane, installation, "vpa", [vpa.crd_file()])


def group_component(plane: ControlPlane, installation: Operator) -> AbstractContextManager[None]:
    """The CRD of LeaderWorkerSets, and the component multi-node."""
    return _added(plane, installation, "multi-node", [lws.crd_file()])


def keda_component(plane: ControlPlane, installation: Operator) -> AbstractContextManager[None]:
    """KEDA's CRDs, and the component keda."""
    return _added(plane, installation, "keda", [keda.crd_file(plural) for plural in keda.KINDS])


@contextmanager
def slices_component(plane: ControlPlane, installation: Operator) -> Iterator[None]:
    """The component dra, whose controller is told whom to trust by the Job of the others, run once more."""
    plane.kubectl("delete", "job", "--namespace=aim-system", "--all", "--ignore-not-found")
    operator.apply(plane, OVERLAYS / "dra", installation.urls, catalogue=False)
    try:
        plane.wait_for("the controller to be told whom to trust", lambda: operator.certified(plane))
        mounts.refresh(plane)
        yield
    finally:
        plane.kubectl("delete", "decoratorcontroller", "aimslice")
        operator.apply(plane, operator.OVERLAY, installation.urls, catalogue=False)
        plane.kubectl("delete", "clusterrole,clusterrolebinding", "metacontroller-dra", "metacontroller-dra-claims")
