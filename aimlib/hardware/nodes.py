"""Reads the devices of a Node from the labels of the vendors' labellers and its allocatable resources."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aimlib.api.meta import Raw
from aimlib.api.node import Host, LeftOut, NodePool, NodeSpec, Taint
from aimlib.hardware.amd import amd_devices
from aimlib.hardware.labels import ARCHITECTURE, OS
from aimlib.hardware.limits import few_kinds, plausible
from aimlib.hardware.nvidia import nvidia_devices
from aimlib.hardware.plausible import host_doubt
from aimlib.hardware.products import CPU, Products, known_products
from aimlib.hardware.resources import amount
from aimlib.kube.quantity import GIB

UNHEALTHY_TAINTS = {
    "amd-gpu-unhealthy": "unhealthy",
    "amd-gpu-driver-upgrade": "driver upgrade",
    "amd-dcm": "being partitioned",
    "ToBeDeletedByClusterAutoscaler": "about to be removed",
    "karpenter.sh/disrupted": "about to be removed",
}
"""Taints of AMD's GPU operator and of autoscalers on nodes that are broken or will be removed, and what each means."""
LIFECYCLE_TAINTS = frozenset(
    f"node.kubernetes.io/{name}"
    for name in (
        "not-ready",
        "unreachable",
        "memory-pressure",
        "disk-pressure",
        "pid-pressure",
        "network-unavailable",
        "unschedulable",
    )
)
"""Taints that repeat the node's conditions, or come and go with them."""


def _allocatable(node: Raw) -> Mapping[str, str]:
    return node.get("status", {}).get("allocatable") or {}


def _ready(node: Raw) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


def _unhealthy(node: Raw) -> str:
    keys = (taint.get("key", "") for taint in node.get("spec", {}).get("taints") or ())
    return next((f"{UNHEALTHY_TAINTS[key]}: tainted {key}" for key in keys if key in UNHEALTHY_TAINTS), "")


def _other_system(node: Raw) -> str:
    system = _stated(node, OS, "operatingSystem")
    return f"its operating system is {system}" if system not in {None, "linux"} else ""


def _implausible(node: Raw) -> str:
    allocatable = _allocatable(node)
    return host_doubt(amount(allocatable, "cpu"), amount(allocatable, "memory") / GIB)


def _stated(node: Raw, label: str, field: str) -> str | None:
    """What a node is, by its label or as its kubelet reports it."""
    labels = node.get("metadata", {}).get("labels") or {}
    found = labels.get(label) or (node.get("status", {}).get("nodeInfo") or {}).get(field)
    return str(found)[:63] if found else None


UNUSABLE_REASONS: tuple[Callable[[Raw], str], ...] = (
    _other_system,
    lambda node: "cordoned" if node.get("spec", {}).get("unschedulable") else "",
    lambda node: "being deleted" if node.get("metadata", {}).get("deletionTimestamp") else "",
    _unhealthy,
    lambda node: "" if _ready(node) else "not ready",
    _implausible,
)
"""Why no pod can use a node, each empty where it does not apply; the first counts."""


def node_facts(node: Raw, table: Products | None = None, kept_labels: Iterable[str] = ()) -> NodeSpec:
    """The devices and taints of a Node; what is not allocatable or not plausible is left out, with the reason.

    `table` has the products by which they are recognised; the built-in ones when left out. `kept_labels` are the keys
    of labels that node selectors may ask for.
    """
    labels: dict[str, str] = node.get("metadata", {}).get("labels") or {}
    allocatable = _allocatable(node)
    reason = next(filter(None, (why(node) for why in UNUSABLE_REASONS)), None)
    known = table or known_products()
    found = [
        *few_kinds(plausible(amd_devices(labels, allocatable, known), known), "amd.com/gpu"),
        *few_kinds(plausible(nvidia_devices(labels, allocatable, known), known), "nvidia.com/gpu"),
    ]
    gpus = [one for one in found if isinstance(one, NodePool)]
    left_out = tuple(one for one in found if isinstance(one, LeftOut))
    host = _host(node)
    pools = (*sorted(gpus, key=lambda pool: pool.resource), _processors(host))
    taints = sorted(
        (
            Taint(key=taint["key"], value=taint.get("value") or None, effect=taint["effect"])
            for taint in node.get("spec", {}).get("taints") or ()
            if taint["key"] not in LIFECYCLE_TAINTS and taint["key"] not in UNHEALTHY_TAINTS
        ),
        key=str,
    )
    counted = ", ".join(f"{pool.devices} x {format_device(pool)}" for pool in gpus) or f"CPU, {pools[-1].devices} cores"
    return NodeSpec(
        usable=reason is None,
        reason=reason,
        summary="; ".join((counted, *map(format_not_counted, left_out)))[:1024],
        pools=pools,
        left_out=left_out,
        host=host,
        taints=tuple(taints),
        labels=tuple(f"{key}={labels[key]}" if key in labels else f"!{key}" for key in kept_labels),
    )


def format_not_counted(one: LeftOut) -> str:
    """Devices that are not counted, with the reason."""
    return f"not counted: {one.devices or ''} {one.product or one.resource} ({one.reason})".replace("  ", " ")


def format_device(pool: Any) -> str:  # noqa: ANN401 - a NodePool or a GpuClass
    """A kind of device, such as `MI300X (192 GiB)`."""
    partition = f" {pool.partition}" if pool.partition else ""
    shared = ", shared" if pool.shared else ""
    return f"{pool.product}{partition} ({pool.memory_gib:g} GiB{shared})"


def _host(node: Raw) -> Host:
    """What the node has besides GPUs; nothing of what is not plausible."""
    allocatable = _allocatable(node)
    plausible = not _implausible(node)
    storage = amount(allocatable, "ephemeral-storage") if "ephemeral-storage" in allocatable else None
    return Host(
        cpus=_floor(amount(allocatable, "cpu")) if plausible else 0,
        memory_gib=_floor(amount(allocatable, "memory") / GIB) if plausible else 0,
        ephemeral_storage_gib=None if storage is None else max(storage // GIB, 0),
        architecture=_stated(node, ARCHITECTURE, "architecture"),
    )


def _floor(value: float) -> float:
    return int(value * 100 + 1e-6) / 100


def _processors(host: Host) -> NodePool:
    return NodePool(product=CPU, vendor="cpu", memory_gib=int(host.memory_gib), resource="cpu", devices=int(host.cpus))
