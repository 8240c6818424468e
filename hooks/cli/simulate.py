"""Metacontroller without a cluster: the same hooks, called with requests made from the objects at hand."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.api.node import InventoryStatus, NodeSpec, Taint
from aimlib.config import Config
from aimlib.hardware.products import CPU, Product, products
from aimlib.naming import MODEL_LABEL, model_label
from aimlib.protocol.metacontroller import BadRequestError, parse_request, prune
from aimlib.schema.error_messages import validation_messages
from aimlib.schema.parsing import parse_as
from aimlib.selection.recipe_check import model_of
from hooks import inventory, node, recipe
from hooks.endpoint import hook as endpoint
from hooks.endpoint.children import OPTIONAL
from hooks.endpoint.world import read_spec

KINDS = {
    "aimrecipes": "AIMRecipe",
    "aiminventories": "AIMInventory",
    "aimnodes": "AIMNode",
    "aimcaches": "AIMCache",
    "services": "Service",
    "storageclasses": "StorageClass",
    "persistentvolumeclaims": "PersistentVolumeClaim",
}
"""Kinds by the resource that a rule of a customize hook names."""

CHILD_KINDS = (
    "Deployment.apps/v1",
    "Service.v1",
    "PersistentVolumeClaim.v1",
    "ServiceAccount.v1",
    "ConfigMap.v1",
    "HorizontalPodAutoscaler.autoscaling/v2",
    "PodDisruptionBudget.policy/v1",
)
"""Children that the controller of AIMEndpoints declares: each is a key in its requests, with objects or not."""

HOST_CORES, HOST_GIB = 128, 1024
"""The ideal node without GPUs: an ordinary server with two sockets."""

READY = [{"type": "Ready", "status": "True"}]


class _NodeSpec(BaseModel):
    taints: list[Taint] | None = None
    unschedulable: bool | None = None


class _NodeStatus(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    allocatable: dict[str, str] | None = None
    conditions: list[dict[str, Any]] = READY


class _Node(BaseModel):
    """The parts of a Node that its hook reads. One written by hand has no conditions and counts as ready."""

    metadata: dict[str, Any]
    spec: _NodeSpec = _NodeSpec()
    status: _NodeStatus = _NodeStatus()


def facts(raw: Raw) -> Raw:
    """The AIMNode of a Node; BadRequestError for a Node that cannot be read."""
    name = raw["metadata"]["name"]
    try:
        read = _Node.model_validate(raw).model_dump(exclude_none=True)
        [made] = node.sync(parse_request({"object": {"apiVersion": "v1", "kind": "Node"} | read}))["attachments"]
    except ValidationError as error:
        raise BadRequestError(f"Node {name}: {'; '.join(validation_messages(error))}") from error
    return dict(made)


def ideal() -> Iterator[Raw]:
    """AIMNodes of a cluster that has everything: a node of every known product, as many devices on it as usual."""
    for product in products():
        for label in _labels(product) or (None,):
            host = product.name == CPU
            pool = {
                "product": product.name,
                "vendor": product.vendor,
                "architecture": product.architecture,
                "deviceId": next(iter(product.device_ids), None),
                "nodeProduct": label,
                "memoryGiB": HOST_GIB if host else product.memory_gib,
                "resource": "cpu" if host else f"{product.vendor}.com/gpu",
                "devices": HOST_CORES if host else product.devices_per_node,
            }
            name = "-".join(["ideal", product.name, *([label] if label else [])]).lower()
            spec = prune({"usable": True, "summary": product.name, "pools": [pool]})
            yield {"apiVersion": API_VERSION, "kind": "AIMNode", "metadata": {"name": name}, "spec": spec}


def _labels(product: Product) -> tuple[str, ...]:
    """The values of nvidia.com/gpu.product that a product goes by: its patterns with and without what is optional."""
    optional = re.compile(r"\(([^)]*)\)\?")
    return tuple(sorted({optional.sub(kept, form) for form in product.labels for kept in (r"\1", "")}))


def added_up(nodes: Iterable[Raw]) -> Raw:
    """The AIMInventory of these AIMNodes."""
    parent = {"apiVersion": API_VERSION, "kind": "AIMInventory", "metadata": {"name": "cluster"}}
    found = related(inventory.customize(parse_request({"parent": parent}))["relatedResources"], nodes)
    return {**parent, "status": inventory.sync(parse_request({"parent": parent, "related": found}))["status"]}


def stored_node(raw: Raw) -> Raw:
    """An AIMNode as a cluster has it; BadRequestError for one that cannot be read."""
    return _checked(raw, NodeSpec, "spec")


def stored_inventory(raw: Raw) -> Raw:
    """An AIMInventory as a cluster has it; BadRequestError for one whose status is missing or cannot be read."""
    return _checked(raw, InventoryStatus, "status")


def _checked(raw: Raw, model: type[BaseModel], part: str) -> Raw:
    name = f"{raw['kind']} {raw['metadata']['name']}"
    if not raw.get(part):
        raise BadRequestError(f"{name}: {part} is missing")
    parse_as(model, raw[part], f"{name}: {part}")
    return raw


def decorated(raw: Raw) -> Raw:
    """A recipe with the label and the status that its hook gives it."""
    answer = recipe.sync(parse_request({"object": raw}))
    metadata = raw["metadata"]
    labels = {**(metadata.get("labels") or {}), **answer["labels"]}
    return {**raw, "metadata": {**metadata, "labels": labels}, "status": answer["status"]}


def related(rules: Iterable[Raw], objects: Iterable[Raw]) -> dict[str, dict[str, Raw]]:
    """The objects that the rules ask for, by kind and name, as they stand in a request."""
    objects = list(objects)
    found: dict[str, dict[str, Raw]] = {}
    for rule in rules:
        kind = KINDS[rule["resource"]]
        wanted = [one for one in objects if one["kind"] == kind and _asked_for(rule, one["metadata"])]
        found.setdefault(f"{kind}.{rule['apiVersion']}", {}).update({one["metadata"]["name"]: one for one in wanted})
    return found


def _asked_for(rule: Raw, metadata: Raw) -> bool:
    labels, selector = metadata.get("labels") or {}, rule.get("labelSelector", {})
    placed = "namespace" not in rule or metadata.get("namespace") == rule["namespace"]
    named = "names" not in rule or metadata["name"] in rule["names"]
    exact = selector.get("matchLabels", {}).items() <= labels.items()
    # An expression is In with values, or Exists without.
    some = [(one["key"], one.get("values", labels.values())) for one in selector.get("matchExpressions", ())]
    return placed and named and exact and all(labels.get(key) in values for key, values in some)


def rules(parent: Raw) -> list[Raw]:
    """What an endpoint wants to see besides itself; BadRequestError where its spec cannot be read."""
    found: list[Raw] = endpoint.customize(parse_request({"parent": parent}))["relatedResources"]
    return found


def may_cache(parent: Raw) -> bool:
    """Whether an endpoint wants to see AIMCaches."""
    return any(rule["resource"] == "aimcaches" for rule in rules(parent))


def sync(parent: Raw, cluster: Raw, recipes: Iterable[Raw], config: Config, caches: Iterable[Raw] = ()) -> Raw:
    """The endpoint hook's answer, `status` and `children`, for an endpoint among these recipes on that inventory."""
    wanted = rules(parent)
    models = {rule.get("labelSelector", {}).get("matchLabels", {}).get(MODEL_LABEL) for rule in wanted}
    # A recipe's hook examines the recipe whole, which takes a while: it is called for those of the right model only.
    catalogue = [decorated(one) if _label(one) in models else one for one in recipes]
    found = related(wanted, [cluster, *catalogue, *caches])
    # Whether the cluster has the components of optional kinds is not known here: a plan shows what was asked for.
    children: Raw = {kind: {} for kind in (*CHILD_KINDS, *(child.kind for child in OPTIONAL))}
    return endpoint.sync(parse_request({"parent": parent, "children": children, "related": found}), config)


def asked(parent: Raw) -> tuple[str, ...]:
    """The names by which an endpoint's recipes are found: its model's, and that of a recipe it names."""
    spec = read_spec(parent)
    custom = spec.recipe.custom_recipe
    return (spec.wanted.id or "", *((custom.name,) if custom else ()))


def _label(raw: Raw) -> str:
    return model_label(model_of(raw) or "")
