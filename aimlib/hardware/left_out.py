"""Devices and nodes that are not counted: added up by reason for the inventory, and put into words."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from aimlib.api.node import LeftOutNodes, NodeSpec
from aimlib.hardware.products import CPU

MOST_REASONS = 32
"""Rows of the inventory."""
NAMES_KEPT = 3
"""Names of nodes in a row."""
MOST_SHOWN = 3
"""Rows in a sentence."""


class _Row(NamedTuple):
    product: str
    resource: str
    reason: str


def _rows(node: NodeSpec) -> Iterator[tuple[_Row, int]]:
    """What one node has that does not count."""
    if node.usable:
        yield from ((_Row(one.product or "", one.resource, one.reason), one.devices) for one in node.left_out)
        return
    reason = node.reason or "not usable"
    gpus = [pool for pool in node.pools if pool.product != CPU]
    for pool in gpus or node.pools[-1:] * (not node.left_out):
        yield _Row(pool.product, pool.resource, reason), pool.devices
    yield from ((_Row(one.product or "", one.resource, reason), one.devices) for one in node.left_out)


def left_out_nodes(nodes: Iterable[tuple[Sequence[str], NodeSpec]]) -> tuple[LeftOutNodes, ...]:
    """The rows of the inventory, those with most devices first; independent of the order of nodes.

    Nodes with equal facts come together, with their names.
    """
    found: defaultdict[_Row, list[tuple[str, int]]] = defaultdict(list)
    for names, node in nodes:
        for row, devices in _rows(node):
            found[row] += ((name, devices) for name in names)
    rows = [
        LeftOutNodes(
            product=row.product or None,
            resource=row.resource,
            devices=sum(devices for _, devices in members),
            nodes=len(members),
            reason=row.reason,
            names=tuple(sorted(name for name, _ in members)[:NAMES_KEPT]),
        )
        for row, members in found.items()
    ]
    rows.sort(key=lambda one: (one.product == CPU, -one.devices, one.product or "", one.resource, one.reason))
    return tuple(rows[:MOST_REASONS])


def format_left_out(rows: Sequence[LeftOutNodes], product: str | None = None) -> str:
    """Rows in words, such as `8 MI300X on 1 node left out (cordoned)`, without a product that the sentence names."""
    shown = ", ".join(_format(one, product) for one in rows[:MOST_SHOWN])
    more = len(rows) - MOST_SHOWN
    return f"{shown}, and others for {more} more reason{'s' * (more > 1)}" if more > 0 else shown


def _format(one: LeftOutNodes, product: str | None) -> str:
    nodes = f"{one.nodes} node{'s' * (one.nodes > 1)}"
    kind = "" if product and one.product == product else f" {one.product or one.resource}"
    devices = "" if one.product == CPU else f"{one.devices or 'some'}{kind} on "
    return f"{devices}{nodes} left out ({one.reason})"
