"""The node hook: one AIMNode per Node, with the few facts that selection needs."""

from typing import Any

from aimlib.api import API_VERSION
from aimlib.hook import Request, wire
from aimlib.nodes import facts


def sync(request: Request) -> dict[str, Any]:
    """The AIMNode of one Node. A heartbeat changes none of the facts, so it writes nothing."""
    request.expect("v1", "Node")
    node = request.parent
    return {
        "attachments": [
            {
                "apiVersion": API_VERSION,
                "kind": "AIMNode",
                "metadata": {"name": node["metadata"]["name"]},
                "spec": wire(facts(node).wire()),
            }
        ]
    }
