"""Free devices: what pods left of the devices of each node, and how many replicas have room in it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.api.node import Accelerator, NodePool, NodeSpec
from aimlib.api.room import MOST_FREE_COUNTS, MOST_FREE_KINDS, FreeHardware, FreeNodes
from aimlib.hardware.products import CPU
from aimlib.kube.quantity import parse_quantity


class NodeUse(NamedTuple):
    """A node, and what the pods on it request of its extended resources together."""

    spec: NodeSpec
    requested: Mapping[str, int]


FreeKey = tuple[str, str, str]
"""Product, partition and resource."""


def kind_of(devices: Accelerator | FreeHardware) -> FreeKey:
    """What devices have to have in common to be counted together."""
    return devices.product, devices.partition or "", devices.resource


def extended_requests(spec: Raw) -> dict[str, int]:
    """What a pod with this spec takes of extended resources, as the scheduler counts it.

    Init containers that go on (sidecars) count beside the containers, and others only where they request more.
    """
    init = spec.get("initContainers") or ()
    sidecars = [one for one in init if one.get("restartPolicy") == "Always"]
    total: Counter[str] = Counter()
    for container in (*(spec.get("containers") or ()), *sidecars):
        total.update(_extended(container))
    for container in init:
        for resource, count in _extended(container).items():
            total[resource] = max(total[resource], count)
    return dict(total)


def _extended(container: Raw) -> dict[str, int]:
    requests = (container.get("resources") or {}).get("requests") or {}
    return {name: round(parse_quantity(str(text))) for name, text in requests.items() if "/" in name}


def free_hardware(nodes: Iterable[NodeUse], may_use: Callable[[NodeSpec, NodePool], bool]) -> tuple[FreeHardware, ...]:
    """The free devices by kind, on usable nodes for which `may_use` is true; independent of the order of nodes.

    Processors are left out, and devices that are time-sliced or that pods get by claims alone, of which requests tell
    nothing.
    """
    found: defaultdict[FreeKey, Counter[int]] = defaultdict(Counter)
    for spec, requested in nodes:
        for pool in spec.pools if spec.usable else ():
            if _is_counted(pool):
                free = max(pool.devices - requested.get(pool.resource, 0), 0)
                found[kind_of(pool)][free if may_use(spec, pool) else 0] += 1
    return tuple(
        FreeHardware(product=product, partition=partition or None, resource=resource, nodes=_listed(counts))
        for (product, partition, resource), counts in sorted(found.items())[:MOST_FREE_KINDS]
    )


def _is_counted(pool: NodePool) -> bool:
    by_claim = pool.dynamic is not None and pool.dynamic.extended_resource != pool.resource
    return pool.product != CPU and not pool.shared and not by_claim


def _listed(counts: Counter[int]) -> tuple[FreeNodes, ...]:
    most = sorted(filter(None, counts), reverse=True)[:MOST_FREE_COUNTS]
    return tuple(FreeNodes(free=free, nodes=counts[free]) for free in most)


def free_devices_of(known: Iterable[FreeHardware], classes: Iterable[Accelerator]) -> tuple[FreeHardware, ...] | None:
    """What is free of some classes; None where one of them was not looked at."""
    by_kind = {kind_of(one): one for one in known}
    kinds = {kind_of(one) for one in classes}
    return tuple(by_kind[kind] for kind in sorted(kinds)) if kinds <= by_kind.keys() else None


def replicas_with_room(free: Iterable[FreeHardware], devices: int) -> int:
    """How many replicas find so many devices on one node each."""
    return sum(same.free // devices * same.nodes for one in free for same in one.nodes)


def format_free(free: Iterable[FreeHardware]) -> str:
    """Such as `12 devices free, at most 8 on one node`."""
    nodes = [same for one in free for same in one.nodes]
    total, most = sum(one.free * one.nodes for one in nodes), max((one.free for one in nodes), default=0)
    return f"{total} free, at most {most} on one node" if total else "none free"
