"""The inventory hook: adds up the AIMNodes of the cluster, and lists the nodes that may come by the settings."""

from collections import defaultdict
from typing import Any

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.api.node import NodeSpec
from aimlib.config import DEFAULT_CONFIG, Config
from aimlib.hardware.coming import coming_classes
from aimlib.hardware.inventory import EqualNodes, inventory_status
from aimlib.hardware.products import known_products
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
    equal: defaultdict[str, list[Raw]] = defaultdict(list)
    for node in request.found(NODES):
        equal[repr(node.get("spec"))].append(node)
    nodes = [EqualNodes([one["metadata"]["name"] for one in same], _node_spec(same[0])) for same in equal.values()]
    table = known_products(config.hardware)
    status = inventory_status(nodes, table, coming_classes(config.hardware_may_come, table))
    return {"status": written_status(status.wire()), "children": []}


def _node_spec(node: Raw) -> NodeSpec:
    """The spec of an AIMNode. BadRequestError where it is invalid: skipping it would remove hardware."""
    return parse_as(NodeSpec, node.get("spec"), f"AIMNode {node['metadata']['name']}")
