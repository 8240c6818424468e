"""GPUs that DRA drivers give out, as hand-written ResourceSlices and DeviceClasses; no driver runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from aimlib.api import API_VERSION
from tests.cluster import operator
from tests.cluster.operator import Operator
from tests.cluster.plane import ControlPlane
from tests.e2e.optional_kinds import OVERLAYS
from tests.e2e.space import Raw, Space
from tests.files import TESTDATA

SLICES = TESTDATA / "slices-ask"
NODE = "cpu-0"
H100 = {
    "product": "H100",
    "vendor": "nvidia",
    "architecture": "sm_90",
    "memoryGiB": 79.6,
    "resource": "gpu.nvidia.com",
    "devices": 1,
    "dynamic": {
        "driver": "gpu.nvidia.com",
        "deviceClass": "gpu.nvidia.com",
        "productName": "NVIDIA H100 80GB HBM3",
        "deviceType": "gpu",
        "shareable": True,
    },
}
AMD = {"driver": "gpu.amd.com", "deviceClass": "gpu.amd.com", "productName": "AMD_Instinct_MI300X_OAM"}
MI300X = {
    "product": "MI300X",
    "vendor": "amd",
    "architecture": "gfx942",
    "memoryGiB": 192,
    "resource": "gpu.amd.com",
    "devices": 1,
    "dynamic": {**AMD, "deviceType": "amdgpu"},
}
CPX = {
    **MI300X,
    "memoryGiB": 24,
    "partition": "cpx_nps4",
    "devices": 7,
    "dynamic": {**AMD, "deviceType": "amdgpu-partition"},
}
HOST = {"product": "CPU", "vendor": "cpu", "memoryGiB": 488, "resource": "cpu", "devices": 62}


@contextmanager
def dra_component(plane: ControlPlane, installation: Operator) -> Iterator[None]:
    """The component dra, and a node with the GPUs of all slices; afterwards neither."""
    files = [f"--filename={path}" for path in sorted(SLICES.glob("*.yaml"))]
    plane.add_nodes("cpu")
    plane.kubectl("apply", *files)
    operator.apply(plane, OVERLAYS / "dra", installation.urls)
    try:
        yield
    finally:
        operator.apply(plane, operator.OVERLAY, installation.urls)
        plane.kubectl("delete", "clusterrole,clusterrolebinding", "metacontroller-dra-claims")
        plane.kubectl("delete", *files)
        plane.kubectl("delete", "node", NODE)


def seen_devices(name: str, *pools: Raw) -> Raw:
    """An AIMNode with these devices, as slices would have them."""
    host = {"cpus": 62, "memoryGiB": 488, "ephemeralStorageGiB": 13000, "architecture": "amd64"}
    spec = {"usable": True, "summary": "by hand", "pools": [*pools, HOST], "host": host}
    return {"apiVersion": API_VERSION, "kind": "AIMNode", "metadata": {"name": name}, "spec": spec}


def allocated(space: Space) -> dict[str, list[str]]:
    """The devices that the pods of each endpoint have, in all, by the endpoint's name."""
    found: dict[str, list[str]] = {}
    pods = {one["metadata"]["name"]: one for one in space.get("pods")["items"]}
    for claim in space.get("resourceclaims")["items"]:
        results = ((claim.get("status") or {}).get("allocation") or {}).get("devices", {}).get("results", ())
        [owner] = claim["metadata"]["ownerReferences"]
        name = pods[owner["name"]]["metadata"]["labels"]["app.kubernetes.io/instance"]
        found.setdefault(name, []).extend(one["device"] for one in results)
    return found
