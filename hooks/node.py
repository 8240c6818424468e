"""The node hook: one AIMNode per Node, with the few facts that selection needs."""

from typing import Any

from aimlib.api import API_VERSION
from aimlib.hardware.nodes import facts
from aimlib.kube.quantity import InvalidQuantityError
from aimlib.protocol.metacontroller import BadRequestError, Request, wire


def sync(request: Request) -> dict[str, Any]:
    """The AIMNode of one Node. A heartbeat changes none of the facts, so it writes nothing."""
    request.expect("v1", "Node")
    node = request.parent
    try:
        spec = facts(node)
    except InvalidQuantityError as error:
        raise BadRequestError(f"Node {node['metadata']['name']}: status.allocatable: {error}") from error
    return {
        "attachments": [
            {
                "apiVersion": API_VERSION,
                "kind": "AIMNode",
                "metadata": {"name": node["metadata"]["name"]},
                "spec": wire(spec.wire()),
            }
        ]
    }
