"""The component gateway-api, added to the running operator and taken away again."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster import gateway_api, operator
from tests.cluster.operator import Operator
from tests.cluster.plane import ROOT, ControlPlane

OVERLAY = ROOT / "manifests" / "overlays" / "gateway-api"
MODEL = "Qwen/Qwen3-32B"
ROUTE = {"parentRefs": [{"name": "edge", "namespace": "gateways"}], "hostnames": ["chat.example.com"], "path": "/chat"}


@contextmanager
def gateway_component(plane: ControlPlane, installation: Operator) -> Iterator[None]:
    """The CRDs of Gateway API, then the component; afterwards the component goes first."""
    for plural in gateway_api.KINDS:
        plane.kubectl("apply", "--server-side", f"--filename={gateway_api.crd_file(plural)}")
    crds = [f"crd/{plural}.gateway.networking.k8s.io" for plural in gateway_api.KINDS]
    plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *crds)
    operator.apply(plane, OVERLAY, installation.urls)
    try:
        yield
    finally:
        operator.apply(plane, operator.OVERLAY, installation.urls)
        plane.kubectl("delete", "clusterrole,clusterrolebinding", "metacontroller-gateway-api")
        plane.kubectl("delete", *crds)
