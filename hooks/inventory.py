"""The inventory hook: adds up the AIMNodes of the cluster."""

from typing import Any

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.api.node import NodeSpec
from aimlib.hardware.inventory import inventory_status
from aimlib.protocol.metacontroller import Request, written_status
from aimlib.schema.parsing import parse_as

NODES = f"AIMNode.{API_VERSION}"


def customize(request: Request) -> dict[str, Any]:
    """Selects all AIMNodes."""
    request.expect(API_VERSION, "AIMInventory")
    return {"relatedResources": [{"apiVersion": API_VERSION, "resource": "aimnodes"}]}


def sync(request: Request) -> dict[str, Any]:
    """The inventory's status; it has no children."""
    request.expect(API_VERSION, "AIMInventory")
    nodes = ((node["metadata"]["name"], _node_spec(node)) for node in request.found(NODES))
    return {"status": written_status(inventory_status(nodes).wire()), "children": []}


def _node_spec(node: Raw) -> NodeSpec:
    """The spec of an AIMNode. BadRequestError where it is invalid: skipping it would remove hardware."""
    return parse_as(NodeSpec, node.get("spec"), f"AIMNode {node['metadata']['name']}")
