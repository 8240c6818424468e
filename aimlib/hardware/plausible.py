"""Doubts about what nodes report: numbers that contradict each other or what is published of the product."""

from aimlib.api.product import MOST_UNKNOWN, Product

Doubt = str
"""Why something is not believed; empty where it is."""

MEMORY_TOLERANCE = 0.1
"""By how much the memory on a label may differ from what is published, as a fraction of that."""
UNKNOWN_MEMORY = "the labels do not say how much memory a device has"
IN_SETTINGS = "; the setting hardware can"
"""What follows of a product in no table, such as one whose memory is the node's own."""
MOST_GIB = 4096
"""Memory of one device."""
MOST_CPUS, MOST_HOST_GIB = 10_000, 1 << 20
"""CPUs, and GiB of memory, of one node."""


def devices_doubt(devices: int, hardware: Product | None, parts: int = 1, labelled: int | None = None) -> Doubt:
    """About so many devices on one node, where the product makes `parts` of each and the label has `labelled`."""
    if devices < 0:
        return "implausible: a negative number"
    if hardware is None:
        return f"implausible: {devices} devices on one node" if devices > MOST_UNKNOWN else ""
    most = hardware.limit_per_node * parts
    if devices > most:
        return f"implausible: {hardware.name} has at most {most} such devices on one node"
    if labelled is not None and devices > labelled * parts:
        return f"implausible: the labels count {labelled}"
    return ""


def product_doubt(hardware: Product | None, vendor: str) -> Doubt:
    """About devices that a vendor's labels or driver call `hardware`: a GPU of that vendor, or one in no table."""
    if hardware is None or hardware.vendor == vendor:
        return ""
    return f"implausible: {hardware.name} is no GPU of {vendor.upper()}"


def memory_doubt(
    labelled: float | None,
    usual: float | None,
    whole: float | None = None,
    *,
    source: str = "the label",
    listed: bool = True,
) -> Doubt:
    """About the GiB of one device by its label, or another source.

    `usual` is published, `whole` that of what it is a part of, `listed` whether a table has the product.
    """
    if labelled is None:
        return "" if usual else f"{UNKNOWN_MEMORY}{'' if listed else IN_SETTINGS}"
    if labelled > MOST_GIB:
        return f"implausible: {labelled:.4g} GiB per device on {source}"
    expected = [size for size in (usual, whole) if size]
    if not expected or any(abs(labelled - size) <= size * MEMORY_TOLERANCE for size in expected):
        return ""
    return f"implausible: {labelled:g} GiB per device on {source}, where {expected[0]:g} GiB are usual"


def host_doubt(cpus: float, memory_gib: float) -> Doubt:
    """About the CPUs and the memory of a node."""
    if min(cpus, memory_gib) < 0:
        return "implausible: a negative amount of CPUs or memory"
    if cpus > MOST_CPUS or memory_gib > MOST_HOST_GIB:
        return f"implausible: {cpus:.4g} CPUs and {memory_gib:.4g} GiB of memory"
    return ""
