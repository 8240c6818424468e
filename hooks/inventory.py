"""The inventory hook: adds up the AIMNodes of the cluster, and lists the nodes that may come by the settings."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.api.node import DeviceSlice, NodeSpec
from aimlib.config import DEFAULT_CONFIG, Config
from aimlib.hardware.coming import coming_classes
from aimlib.hardware.dynamic import SliceFacts, with_slices
from aimlib.hardware.inventory import EqualNodes, inventory_status
from aimlib.hardware.products import Products, known_products
from aimlib.protocol.metacontroller import Request, written_status
from aimlib.schema.parsing import parse_as

NODES = f"AIMNode.{API_VERSION}"


def customize(request: Request) -> dict[str, Any]:
    """Selects all AIMNodes."""
    request.expect(API_VERSION, "AIMInventory")
    return {"relatedResources": [{"apiVersion": API_VERSION, "resource": "aimnodes"}]}


def sync(request: Request, config: Config = DEFAULT_CONFIG) -> dict[str, Any]:
    """The inventory's status; it has no children."""
    request.expect(API_VERSION, "AIMInventory")
    table = known_products(config.hardware)
    nodes = equal_nodes(request.found(NODES), table)
    status = inventory_status(nodes, table, coming_classes(config.hardware_may_come, table))
    return {"status": written_status(status.wire()), "children": []}


def equal_nodes(found: Iterable[Raw], table: Products | None = None) -> Iterator[EqualNodes]:
    """The nodes of these AIMNodes with the devices of their slices, those with equal facts together.

    BadRequestError where one is invalid. `table` has the products; the built-in ones when left out.
    """
    nodes: dict[str, Raw] = {}
    slices: defaultdict[str, list[tuple[Raw, Raw]]] = defaultdict(list)
    for one in found:
        spec = one.get("spec")
        of_slice = spec.get("slice") if isinstance(spec, dict) else None
        if isinstance(of_slice, dict):
            slices[str(of_slice.get("node"))].append((of_slice, one))
        else:
            nodes[one["metadata"]["name"]] = one
    equal: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted({*nodes, *slices}):
        facts = [{**one["spec"], "slice": _without_names(of_slice)} for of_slice, one in slices.get(name, ())]
        equal[repr((nodes[name].get("spec") if name in nodes else None, facts))].append(name)
    for names in equal.values():
        node = _node_spec(nodes[names[0]]) if names[0] in nodes else None
        of_node = [_slice_facts(one) for _, one in slices.get(names[0], ())]
        yield EqualNodes(names, with_slices(node, of_node, table))


def _without_names(of_slice: Raw) -> Raw:
    """What matters of a slice beside which node it is of. Pools are usually named for their node."""
    pool = of_slice.get("pool")
    return {**of_slice, "node": "", "pool": "" if pool == of_slice.get("node") else pool}


def _slice_facts(node: Raw) -> SliceFacts:
    spec = _node_spec(node)
    return SliceFacts(parse_as(DeviceSlice, node["spec"]["slice"], f"AIMNode {node['metadata']['name']}"), spec)


def _node_spec(node: Raw) -> NodeSpec:
    """The spec of an AIMNode. BadRequestError where it is invalid: skipping it would remove hardware."""
    return parse_as(NodeSpec, node.get("spec"), f"AIMNode {node['metadata']['name']}")
