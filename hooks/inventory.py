"""The inventory hook: adds up the AIMNodes of the cluster."""

from typing import Any

from aimlib.api import API_VERSION
from aimlib.api.node import NodeSpec
from aimlib.hook import Request, wire
from aimlib.inventory import add_up

NODES = f"AIMNode.{API_VERSION}"


def customize() -> dict[str, Any]:
    """All AIMNodes. A rule with an empty list of names would mean the same, by accident."""
    return {"relatedResources": [{"apiVersion": API_VERSION, "resource": "aimnodes"}]}


def sync(request: Request) -> dict[str, Any]:
    """The inventory's status; it has no children."""
    nodes = [NodeSpec.model_validate(node["spec"]) for node in request.found(NODES)]
    return {"status": wire(add_up(nodes).wire()), "children": []}
