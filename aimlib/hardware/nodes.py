"""Reads the devices of a Node from the labels of the vendors' labellers and its allocatable resources."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aimlib.api.meta import Raw
from aimlib.api.node import NodePool, NodeSpec, Taint
from aimlib.hardware.products import CPU, Product, by_device_id, by_nvidia_product, product
from aimlib.kube.quantity import parse_quantity, to_gib

AMD_PREFIXES = ("amd.com/gpu", "beta.amd.com/gpu")
UNHEALTHY_TAINTS = ("amd-gpu-unhealthy", "amd-gpu-driver-upgrade", "amd-dcm", "ToBeDeletedByClusterAutoscaler")
"""Taints of AMD's GPU operator and the cluster autoscaler on nodes that are broken or will be removed."""
GPU_RESOURCE = re.compile(r"amd\.com/(gpu|[a-z]px_nps\d)|nvidia\.com/(gpu|mig-.+)(\.shared)?")
DEVICE_ID = re.compile(r"[0-9A-Fa-fx]{1,16}")
"""A PCI device id as labels have it; another value is none."""
LIFECYCLE_TAINTS = "node.kubernetes.io/"
"""Prefix of the taints that repeat the node's conditions."""


def _ready(node: Raw) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


def _unhealthy(node: Raw) -> str:
    keys = (taint.get("key", "") for taint in node.get("spec", {}).get("taints") or ())
    return next((key for key in keys if key in UNHEALTHY_TAINTS), "")


UNUSABLE_REASONS: tuple[tuple[str, Callable[[Raw], object]], ...] = (
    ("cordoned", lambda node: node.get("spec", {}).get("unschedulable")),
    ("being deleted", lambda node: node.get("metadata", {}).get("deletionTimestamp")),
    ("unhealthy: tainted by a GPU or node operator", _unhealthy),
    ("not ready", lambda node: not _ready(node)),
)


def node_facts(node: Raw) -> NodeSpec:
    """The devices and taints of a Node; devices that are not allocatable are left out."""
    labels: dict[str, str] = node.get("metadata", {}).get("labels") or {}
    allocatable: dict[str, str] = node.get("status", {}).get("allocatable") or {}
    reason = next((reason for reason, applies in UNUSABLE_REASONS if applies(node)), None)
    gpus = [pool for pool in (*_amd(labels, allocatable), *_nvidia(labels, allocatable)) if pool.devices > 0]
    pools = (*sorted(gpus, key=lambda pool: pool.resource), _processors(allocatable))
    taints = sorted(
        (
            Taint(key=taint["key"], value=taint.get("value") or None, effect=taint["effect"])
            for taint in node.get("spec", {}).get("taints") or ()
            if not taint["key"].startswith(LIFECYCLE_TAINTS) and taint["key"] not in UNHEALTHY_TAINTS
        ),
        key=str,
    )
    counted = ", ".join(f"{pool.devices} x {format_device(pool)}" for pool in gpus) or f"CPU, {pools[-1].devices} cores"
    summary = counted + _left_out(allocatable, {pool.resource for pool in gpus})
    return NodeSpec(usable=reason is None, reason=reason, summary=summary, pools=pools, taints=tuple(taints))


def _left_out(allocatable: Mapping[str, str], in_pools: set[str]) -> str:
    """A note about devices that no pool has: without labels, or of products that no label distinguishes."""
    others = [name for name in sorted(allocatable) if GPU_RESOURCE.fullmatch(name) and name not in in_pools]
    counted = [f"{count} {name}" for name in others if (count := _count(allocatable, name))]
    return f"; not counted, since no label identifies them: {', '.join(counted)}" if counted else ""


def format_device(pool: Any) -> str:  # noqa: ANN401 - a NodePool or a GpuClass
    """A kind of device, such as `MI300X (192 GiB)`."""
    partition = f" {pool.partition}" if pool.partition else ""
    shared = ", shared" if pool.shared else ""
    return f"{pool.product}{partition} ({pool.memory_gib:g} GiB{shared})"


def _count(allocatable: Mapping[str, str], resource: str) -> int:
    return int(parse_quantity(str(allocatable.get(resource, 0))))  # manual files have plain numbers, too


def _of(vendor: str, allocatable: Mapping[str, str]) -> list[str]:
    return sorted(resource for resource in allocatable if resource.startswith(vendor))


def _processors(allocatable: Mapping[str, str]) -> NodePool:
    memory = to_gib(str(allocatable.get("memory", 0)))
    return NodePool(
        product=CPU, vendor="cpu", memory_gib=int(memory), resource="cpu", devices=_count(allocatable, "cpu")
    )


def _amd_values(labels: Mapping[str, str], suffix: str) -> tuple[str, ...]:
    """The values of an AMD label in all its forms: plain, beta, and with the value in the key."""
    for prefix in AMD_PREFIXES:
        if plain := labels.get(f"{prefix}.{suffix}"):
            return (plain,)
    counted = {
        key.removeprefix(f"{prefix}.{suffix}.")
        for prefix in AMD_PREFIXES
        for key in labels
        if key.startswith(f"{prefix}.{suffix}.")
    }
    return tuple(sorted(counted))


def _amd(labels: Mapping[str, str], allocatable: Mapping[str, str]) -> Iterator[NodePool]:
    ids = tuple(filter(DEVICE_ID.fullmatch, _amd_values(labels, "device-id")))
    names = _amd_values(labels, "product-name")
    if len(ids) > 1 or not (ids or names):
        return  # several products, or none, by the labels
    hardware = by_device_id(ids[0]) if ids else _by_marketing_name(names)
    title = hardware.name if hardware else names[0] if names else f"amd-{ids[0]}"
    recognised = _amd_label(labels, ("device-id", ids[0]) if ids else ("product-name", names[0]))
    labelled = _amd_values(labels, "compute-memory-partition")
    sizes = [float(found[0]) for value in _amd_values(labels, "vram") if (found := re.match(r"\d+", value))]
    memory = [size for size in sizes if size]  # a device without a size of its own is labelled 0G
    for resource in _of("amd.com/", allocatable):
        partition = resource.removeprefix("amd.com/")
        if partition == "gpu":
            partition = labelled[0] if len(labelled) == 1 else ""
        elif not re.fullmatch(r"[a-z]px_nps\d", partition):
            continue
        yield NodePool(
            product=title,
            vendor="amd",
            architecture=hardware.architecture if hardware else None,
            device_id=ids[0].lower() if ids else None,
            partition=None if partition.startswith("spx") else partition or None,
            memory_gib=_amd_memory(hardware, partition, memory),
            resource=resource,
            devices=_count(allocatable, resource),
            node_label=recognised,
        )


def _amd_label(labels: Mapping[str, str], fact: tuple[str, str]) -> str:
    """The label that has a fact, in a form by which nodes can be selected: `KEY=VALUE`, or `KEY` for a counted one."""
    suffix, value = fact
    plain = [f"{prefix}.{suffix}" for prefix in AMD_PREFIXES if labels.get(f"{prefix}.{suffix}") == value]
    counted = [f"{prefix}.{suffix}.{value}" for prefix in AMD_PREFIXES if f"{prefix}.{suffix}.{value}" in labels]
    return f"{plain[0]}={value}" if plain else counted[0]


def _by_marketing_name(names: tuple[str, ...]) -> Product | None:
    found = re.search(r"MI\d+[A-Z]?", names[0]) if len(names) == 1 else None
    return product(found[0]) if found else None


def _amd_memory(hardware: Product | None, partition: str, labelled: list[float]) -> float:
    """GiB per device: by the label if there is one, and at most the size of a partition of this product."""
    whole = hardware.memory_gib if hardware else None
    parts = hardware.partitions.get(partition.split("_", maxsplit=1)[0], 1) if hardware else 1
    bounds = [*labelled[:1]] if len(labelled) == 1 else []
    if whole:
        bounds.append(whole / parts)
    return min(bounds, default=0.0)


def _nvidia(labels: Mapping[str, str], allocatable: Mapping[str, str]) -> Iterator[NodePool]:
    label = labels.get("nvidia.com/gpu.product", "")
    if not label:
        return
    title, _, profile = label.removesuffix("-SHARED").partition("-MIG-")
    hardware = by_nvidia_product(title)
    for resource in _of("nvidia.com/", allocatable):
        kind = resource.removeprefix("nvidia.com/").removesuffix(".shared")
        if kind != "gpu" and not kind.startswith("mig-"):
            continue
        own = f"nvidia.com/{kind}."  # MIG devices with resources of their own have labels of their own
        mig = profile if kind == "gpu" else kind.removeprefix("mig-")
        memory = labels.get(f"{own}memory", "")
        whole = hardware.memory_gib if hardware and hardware.memory_gib and not mig else 0.0
        time_sliced = labels.get(f"{own}sharing-strategy", "none") not in {"", "none"}
        yield NodePool(
            product=hardware.name if hardware else title,
            vendor="nvidia",
            architecture=hardware.architecture if hardware else None,
            node_product=label,
            partition=mig or None,
            shared=time_sliced or resource.endswith(".shared") or labels.get(f"{own}product", "").endswith("-SHARED"),
            memory_gib=round(int(memory) / 1024, 1) if memory.strip("0").isdigit() else whole,
            resource=resource,
            devices=_count(allocatable, resource),
        )
