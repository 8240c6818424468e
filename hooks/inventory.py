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
        mine = slices.get(name, ())
        named = zip(_without_names([of_slice for of_slice, _ in mine]), mine, strict=True)
        facts = [{**one["spec"], "slice": alike} for alike, (_, one) in named]
        equal[repr((nodes[name].get("spec") if name in nodes else None, facts))].append(name)
    for names in equal.values():
        node = _node_spec(nodes[names[0]]) if names[0] in nodes else None
        of_node = [_slice_facts(one) for _, one in slices.get(names[0], ())]
        yield EqualNodes(names, with_slices(node, of_node, table))


def _without_names(slices: list[Raw]) -> list[Raw]:
    """What matters of the slices of a node beside which node it is.

    Pools are usually named for their node. GPUs have names of their own, which matter where several slices have them.
    """
    known: dict[str, int] = {}

    def numbered(gpu: object) -> object:
        if not isinstance(gpu, dict):
            return gpu
        sets = gpu.get("counters")
        names = str(gpu.get("gpu")), *map(str, sets if isinstance(sets, list) else ())
        numbers = [known.setdefault(name, len(known)) for name in names]
        return {**gpu, "gpu": numbers[0], "counters": numbers[1:]}

    return [
        {
            **one,
            "node": "",
            "pool": "" if one.get("pool") == one.get("node") else one.get("pool"),
            "gpus": [numbered(gpu) for gpu in one.get("gpus") or ()] if len(slices) > 1 else (),
        }
        for one in slices
    ]


def _slice_facts(node: Raw) -> SliceFacts:
    spec = _node_spec(node)
    return SliceFacts(parse_as(DeviceSlice, node["spec"]["slice"], f"AIMNode {node['metadata']['name']}"), spec)


def _node_spec(node: Raw) -> NodeSpec:
    """The spec of an AIMNode. BadRequestError where it is invalid: skipping it would remove hardware."""
    return parse_as(NodeSpec, node.get("spec"), f"AIMNode {node['metadata']['name']}")
