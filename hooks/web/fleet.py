"""The fleet: GPUs of the cluster with how many of them endpoints use, and the endpoints."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aimlib.api.endpoint_status import EndpointStatus
from aimlib.api.meta import Raw
from aimlib.api.node import GpuClass, InventoryStatus
from aimlib.hardware.products import CPU
from hooks.planning.stored import read_status

ENDPOINT_PHASES = ("Ready", "Reconciling", "Pending", "Degraded", "Failed", "Stopped", "Idle")
SHOWN_ENDPOINTS = 300
"""Rows of the table of endpoints."""
NOT_LOOKED_AT = "the operator has not looked at this change yet"
UNREADABLE = "its status was written by another release, and cannot be read"


class EndpointRow(NamedTuple):
    """One endpoint in a table."""

    namespace: str
    name: str
    model: str
    hardware: str
    gpus: int | None
    replicas: str
    phase: str
    message: str


class HardwareRow(NamedTuple):
    """The devices of one product, and how many of them endpoints use."""

    product: str
    nodes: int
    devices: int
    used: int
    details: str


class Fleet(NamedTuple):
    """What the first page shows."""

    phases: Mapping[str, int]
    hardware: Sequence[HardwareRow]
    left_out: Sequence[str]
    endpoints: Sequence[EndpointRow]
    hidden: int
    """Endpoints that are not in the table, since it is full."""


def phase_and_message(endpoint: Raw, status: EndpointStatus | None) -> tuple[str, str]:
    """Phase and message of an endpoint, for the spec that it has now."""
    if status is None:
        return "Unknown", UNREADABLE
    ready = next((one for one in status.conditions if one.type == "Ready"), None)
    if ready is None or ready.observed_generation != endpoint["metadata"].get("generation"):
        return "Pending", NOT_LOOKED_AT
    return status.phase or "Pending", status.message or ""


def endpoint_row_of(endpoint: Raw) -> EndpointRow:
    """An endpoint as a row."""
    metadata, status = endpoint["metadata"], read_status(endpoint)
    phase, message = phase_and_message(endpoint, status)
    chosen, replicas = (status.selected_recipe, status.replicas) if status else (None, None)
    return EndpointRow(
        metadata["namespace"],
        metadata["name"],
        (status.model if status else None) or "",
        chosen.hardware if chosen else "",
        chosen.gpu_count if chosen else None,
        f"{replicas.ready or 0} of {replicas.desired}" if replicas else "",
        phase,
        "" if phase == "Ready" else message,
    )


def used_devices(endpoints: Iterable[Raw]) -> Mapping[str, int]:
    """Devices by product that the desired replicas of endpoints take."""
    used: Counter[str] = Counter()
    for status in filter(None, map(read_status, endpoints)):
        if status.resolved and status.replicas:
            used[status.resolved.product] += status.resolved.gpu_count * status.replicas.desired
    return used


def fleet_of(inventory: Raw, endpoints: Sequence[Raw], phase: str | None = None) -> Fleet:
    """The first page; with a phase, the table has the endpoints in that phase alone. ValidationError."""
    status = InventoryStatus.model_validate(inventory.get("status") or {})
    rows = sorted(map(endpoint_row_of, endpoints), key=lambda row: (row.namespace, row.name))
    counts = Counter(row.phase for row in rows)
    shown = [row for row in rows if phase in {None, row.phase}]
    by_product: dict[str, list[GpuClass]] = {}
    for one in status.classes:
        by_product.setdefault(one.product, []).append(one)
    used = used_devices(endpoints)
    hardware = [
        _hardware_row(product, by_product[product], used.get(product, 0))
        for product in sorted(by_product)
        if product != CPU
    ]
    return Fleet(
        {name: counts[name] for name in (*ENDPOINT_PHASES, "Unknown") if counts[name]},
        hardware,
        [_left_out_text(one.devices, one.product or one.resource, one.nodes, one.reason) for one in status.left_out],
        shown[:SHOWN_ENDPOINTS],
        max(len(shown) - SHOWN_ENDPOINTS, 0),
    )


def _hardware_row(product: str, classes: Sequence[GpuClass], used: int) -> HardwareRow:
    details = sorted({text for one in classes for text in _details(one)})
    nodes, devices = sum(one.nodes for one in classes), sum(one.total for one in classes)
    return HardwareRow(product, nodes, devices, used, "; ".join(details))


def _details(one: GpuClass) -> Iterable[str]:
    """What is particular about a class."""
    yield f"{one.devices_per_node} per node with {one.memory_gib:g} GiB each"
    yield from (f"taint {taint}" for taint in one.taints)
    yield from (f"partition {name}" for name in filter(None, (one.partition,)))
    yield from ("nodes may come" for _ in filter(None, (one.may_come,)))


def _left_out_text(devices: int, what: str, nodes: int, reason: str) -> str:
    return f"{devices} {what} on {nodes} node{'s' * (nodes != 1)}: {reason}"
