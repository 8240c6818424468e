"""The slice hook: one AIMNode per ResourceSlice of a node, with the devices that a DRA driver gives out there.

Whether they can be used is the node's to say, by its AIMNode: slices have no heartbeat, and it changes with none.
"""

from typing import Any

from aimlib.api import API_VERSION
from aimlib.api.device_slice import ResourceSliceSpec
from aimlib.api.meta import Raw
from aimlib.api.node import NodeSpec
from aimlib.config import DEFAULT_CONFIG, Config
from aimlib.hardware.device_selectors import DeviceClass
from aimlib.hardware.dynamic import on_node
from aimlib.hardware.products import known_products
from aimlib.hardware.slices import slice_facts
from aimlib.naming import full_digest
from aimlib.protocol.metacontroller import Request, prune
from aimlib.schema.parsing import parse_as

RESOURCE_API = "resource.k8s.io/v1"
NODE_KIND = f"AIMNode.{API_VERSION}"
CLASSES = f"DeviceClass.{RESOURCE_API}"
NAME_SUFFIX = ".resourceslice"
"""Ends the names of these AIMNodes: the name of a slice is its driver's to choose, and may be that of a node."""
LONGEST_OBJECT_NAME = 253


def customize(request: Request) -> dict[str, Any]:
    """Selects all DeviceClasses, of which a cluster has a few, and the AIMNode of the node."""
    request.expect(RESOURCE_API, "ResourceSlice")
    rules: list[dict[str, Any]] = [{"apiVersion": RESOURCE_API, "resource": "deviceclasses"}]
    spec = request.parent.get("spec")
    if node := spec.get("nodeName") if isinstance(spec, dict) else None:
        rules.append({"apiVersion": API_VERSION, "resource": "aimnodes", "names": [node]})
    return {"relatedResources": rules}


def sync(request: Request, config: Config = DEFAULT_CONFIG) -> dict[str, Any]:
    """The AIMNode of one slice; none of what is no GPU, or belongs to no single node. Claims change nothing of it."""
    request.expect(RESOURCE_API, "ResourceSlice")
    name = request.parent["metadata"]["name"]
    read = parse_as(ResourceSliceSpec, request.parent.get("spec"), f"ResourceSlice {name}")
    classes = [_device_class(one) for one in request.found(CLASSES)]
    spec = slice_facts(read, classes, known_products(config.hardware))
    if spec is None:
        return {"attachments": []}
    nodes = [parse_as(NodeSpec, one.get("spec"), f"AIMNode {read.node_name}") for one in request.found(NODE_KIND)]
    facts = on_node(spec, nodes[0] if nodes else None)
    metadata = {"name": _name(name)}
    made = {"apiVersion": API_VERSION, "kind": "AIMNode", "metadata": metadata, "spec": prune(facts.wire())}
    return {"attachments": [made]}


def _name(of_slice: str) -> str:
    name = f"{of_slice}{NAME_SUFFIX}"
    return name if len(name) <= LONGEST_OBJECT_NAME else f"{full_digest(of_slice)}{NAME_SUFFIX}"


def _device_class(raw: Raw) -> DeviceClass:
    spec = raw.get("spec") or {}
    selectors = tuple(str((one.get("cel") or {}).get("expression", "")) for one in spec.get("selectors") or ())
    created = str(raw["metadata"].get("creationTimestamp") or "")
    return DeviceClass(raw["metadata"]["name"], selectors, spec.get("extendedResourceName") or None, created)
