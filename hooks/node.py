"""The node hook: one AIMNode per Node, with the facts that selection reads."""

from typing import Any

from aimlib.api import API_VERSION
from aimlib.config import DEFAULT_CONFIG, Config
from aimlib.hardware.nodes import node_facts
from aimlib.hardware.products import known_products
from aimlib.kube.quantity import InvalidQuantityError
from aimlib.protocol.metacontroller import BadRequestError, Request, prune


def sync(request: Request, config: Config = DEFAULT_CONFIG) -> dict[str, Any]:
    """The AIMNode of one Node. A heartbeat of the kubelet changes none of its facts, so nothing is written."""
    request.expect("v1", "Node")
    node = request.parent
    try:
        spec = node_facts(node, known_products(config.hardware), config.kept_labels)
    except InvalidQuantityError as error:
        raise BadRequestError(f"Node {node['metadata']['name']}: status.allocatable: {error}") from error
    return {
        "attachments": [
            {
                "apiVersion": API_VERSION,
                "kind": "AIMNode",
                "metadata": {"name": node["metadata"]["name"]},
                "spec": prune(spec.wire()),
            }
        ]
    }
