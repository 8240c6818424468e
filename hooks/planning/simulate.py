"""Calls the hooks with requests built from given objects, as Metacontroller would."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.api.node import InventoryStatus, NodeSpec, Taint
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.config import DEFAULT_CONFIG, Config
from aimlib.errors import InvalidInputError
from aimlib.hardware.products import CPU, Product, known_products
from aimlib.naming import full_digest
from aimlib.protocol.metacontroller import BadRequestError, Request, parse_request, prune
from aimlib.protocol.observations import CATALOGUE_NAMES, CatalogueNames
from aimlib.protocol.observed import kind_key
from aimlib.schema.error_messages import validation_messages
from aimlib.schema.parsing import parse_as
from aimlib.selection.recipe_check import catalogue_labels
from hooks import inventory, node, recipe
from hooks.endpoint import hook as endpoint
from hooks.endpoint.children import OPTIONAL
from hooks.endpoint.world import is_unknown, read_spec

KIND_BY_RESOURCE = {
    "aimrecipes": "AIMRecipe",
    "aimmodels": "AIMModel",
    "aiminventories": "AIMInventory",
    "aimnodes": "AIMNode",
    "aimcaches": "AIMCache",
    "aimgateways": "AIMGateway",
    "deviceclasses": "DeviceClass",
    "deployments": "Deployment",
    "services": "Service",
    "namespaces": "Namespace",
    "storageclasses": "StorageClass",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
}
"""Kinds by the resource that a rule of a customize hook names."""

MADE_CACHE = f"AIMCache.{API_VERSION}"
ENDPOINT_CHILD_KINDS = (
    "Deployment.apps/v1",
    "Service.v1",
    "PersistentVolumeClaim.v1",
    MADE_CACHE,
    "ServiceAccount.v1",
    "ConfigMap.v1",
    "HorizontalPodAutoscaler.autoscaling/v2",
    "PodDisruptionBudget.policy/v1",
    "Job.batch/v1",
    "Role.rbac.authorization.k8s.io/v1",
    "RoleBinding.rbac.authorization.k8s.io/v1",
)
"""Children that the controller of AIMEndpoints declares: each is a key in its requests, with objects or not."""

OPTIONAL_CHILD_KINDS = tuple(child.kind for child in OPTIONAL)
"""Children that it declares once the components of these kinds are installed."""

HOST_CORES, HOST_GIB = 128, 1024
"""The ideal node without GPUs: an ordinary server with two sockets."""

READY = [{"type": "Ready", "status": "True"}]


class UnknownProductError(InvalidInputError):
    """A name that no GPU product has; the message has the name, and the nearest one."""


class SimulatedCluster(NamedTuple):
    """What the endpoint hook is called with besides the endpoint."""

    inventory: Raw
    recipes: Sequence[Raw]
    models: Sequence[Raw] = ()
    caches: Sequence[Raw] = ()
    """The AIMCaches, with their present status."""
    gateways: Sequence[Raw] = ()
    optional_kinds: tuple[str, ...] = OPTIONAL_CHILD_KINDS
    """The kinds of OPTIONAL_CHILD_KINDS that the controller declares."""


class _NodeSpec(BaseModel):
    taints: list[Taint] | None = None
    unschedulable: bool | None = None


class _NodeStatus(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    allocatable: dict[str, str] | None = None
    conditions: list[dict[str, Any]] = READY
    nodeInfo: dict[str, Any] | None = None  # noqa: N815 - as Kubernetes spells it


class _Node(BaseModel):
    """The parts of a Node that its hook reads. A Node without conditions counts as ready."""

    metadata: dict[str, Any]
    spec: _NodeSpec = _NodeSpec()
    status: _NodeStatus = _NodeStatus()


def simulate_node(raw: Raw, config: Config = DEFAULT_CONFIG) -> Raw:
    """Calls the node hook; returns the AIMNode. BadRequestError for an invalid Node."""
    name = raw["metadata"]["name"]
    try:
        parsed_node = _Node.model_validate(raw).model_dump(exclude_none=True)
        request = parse_request({"object": {"apiVersion": "v1", "kind": "Node"} | parsed_node})
        [attachment] = node.sync(request, config)["attachments"]
    except ValidationError as error:
        raise BadRequestError(f"Node {name}: {'; '.join(validation_messages(error))}") from error
    return dict(attachment)


def ideal_nodes(config: Config = DEFAULT_CONFIG) -> Iterator[Raw]:
    """The AIMNodes of a cluster with one node of every known product, with its usual number of devices."""
    for one in known_products(config.hardware).all:
        for label in _product_labels(one) or (None,):
            host = one.name == CPU
            pool = {
                "product": one.name,
                "vendor": one.vendor,
                "architecture": one.architecture,
                "deviceId": next(iter(one.device_ids), None),
                "nodeProduct": label,
                "memoryGiB": HOST_GIB if host else one.memory_gib,
                "resource": "cpu" if host else f"{one.vendor}.com/gpu",
                "devices": HOST_CORES if host else one.devices_per_node,
            }
            name = "-".join(["ideal", one.name, *([label] if label else [])]).lower()
            spec = prune({"usable": True, "summary": one.name, "pools": [pool]})
            yield {"apiVersion": API_VERSION, "kind": "AIMNode", "metadata": {"name": name}, "spec": spec}


def usual_nodes(names: Iterable[str], config: Config = DEFAULT_CONFIG) -> list[Raw]:
    """The AIMNodes of a cluster with one usual node of each product. UnknownProductError."""
    table = known_products(config.hardware)
    wanted = set()
    for name in names:
        found = table.product(name)
        if found is None:
            near = table.nearest(name)
            hint = f"did you mean {near}?" if near else f"known are {', '.join(one.name for one in table.all)}"
            raise UnknownProductError(f"{name}: no known GPU product; {hint}")
        wanted.add(found.name)
    return [node for node in ideal_nodes(config) if node["spec"]["summary"] in wanted]


def _product_labels(known: Product) -> tuple[str, ...]:
    """The values of nvidia.com/gpu.product of a product: its patterns with and without their optional parts.

    Those with other memory than the product's are not usual.
    """
    optional = re.compile(r"\(([^)]*)\)\?")
    labels = {optional.sub(kept, form) for form in known.labels for kept in (r"\1", "")}
    return tuple(sorted(label for label in labels if known.memory_of(label) == known.memory_gib))


def simulate_inventory(nodes: Iterable[Raw], config: Config = DEFAULT_CONFIG) -> Raw:
    """Calls the inventory hook; returns the AIMInventory of these AIMNodes."""
    parent = {"apiVersion": API_VERSION, "kind": "AIMInventory", "metadata": {"name": "cluster"}}
    found = select_related(inventory.customize(parse_request({"parent": parent}))["relatedResources"], nodes)
    return {**parent, "status": inventory.sync(parse_request({"parent": parent, "related": found}), config)["status"]}


def stored_node(raw: Raw) -> Raw:
    """Validates a stored AIMNode. BadRequestError."""
    return _validated(raw, NodeSpec, "spec")


def stored_inventory(raw: Raw) -> Raw:
    """Validates a stored AIMInventory. BadRequestError where its status is missing or invalid."""
    return _validated(raw, InventoryStatus, "status")


def _validated(raw: Raw, model: type[BaseModel], part: str) -> Raw:
    name = f"{raw['kind']} {raw['metadata']['name']}"
    if not raw.get(part):
        raise BadRequestError(f"{name}: {part} is missing")
    parse_as(model, raw[part], f"{name}: {part}")
    return raw


def simulate_recipe(raw: Raw, config: Config = DEFAULT_CONFIG) -> Raw:
    """Calls the recipe hook; returns the recipe with its labels and status."""
    response = recipe.sync(parse_request({"object": raw}), config)
    metadata = raw["metadata"]
    labels = {**(metadata.get("labels") or {}), **response["labels"]}
    return {**raw, "metadata": prune({**metadata, "labels": labels}), "status": response["status"]}


def labelled(raw: Raw) -> Raw:
    """An AIMRecipe or AIMModel with the labels by which endpoints find it."""
    metadata = raw["metadata"]
    labels = {**(metadata.get("labels") or {}), **catalogue_labels(raw)}
    return {**raw, "metadata": {**metadata, "labels": labels}}


def _versioned(raw: Raw) -> Raw:
    """An object with a version that identifies its content, so that what is computed from it is remembered."""
    version = {"uid": f"{raw['kind']}/{raw['metadata']['name']}", "resourceVersion": full_digest(raw)}
    return {**raw, "metadata": {**raw["metadata"], **version}}


def select_related(rules: Iterable[Raw], objects: Iterable[Raw]) -> dict[str, dict[str, Raw]]:
    """The related objects of a request: those that the rules select, by kind and name."""
    objects = list(objects)
    found: dict[str, dict[str, Raw]] = {}
    for rule in rules:
        kind = KIND_BY_RESOURCE[rule["resource"]]
        selected = [one for one in objects if one["kind"] == kind and _is_selected(rule, one["metadata"])]
        found.setdefault(f"{kind}.{rule['apiVersion']}", {}).update({one["metadata"]["name"]: one for one in selected})
    return found


def _is_selected(rule: Raw, metadata: Raw) -> bool:
    labels, selector = metadata.get("labels") or {}, rule.get("labelSelector", {})
    in_namespace = "namespace" not in rule or metadata.get("namespace") == rule["namespace"]
    by_name = "names" not in rule or metadata["name"] in rule["names"]
    labels_match = selector.get("matchLabels", {}).items() <= labels.items()
    # Expressions are In with values, or Exists without.
    expressions = [
        (match_expression["key"], match_expression.get("values", labels.values()))
        for match_expression in selector.get("matchExpressions", ())
    ]
    return in_namespace and by_name and labels_match and all(labels.get(key) in values for key, values in expressions)


def customize_rules(parent: Raw) -> list[Raw]:
    """The related resources of an endpoint. BadRequestError where its spec is invalid."""
    read_spec(parent)
    found: list[Raw] = endpoint.customize(parse_request({"parent": parent}))["relatedResources"]
    return found


def selects(parent: Raw, resource: str) -> bool:
    """Whether an endpoint's related resources include those of a kind."""
    return any(rule["resource"] == resource for rule in customize_rules(parent))


def sync(parent: Raw, cluster: SimulatedCluster, config: Config) -> Raw:
    """Calls the endpoint hook in this cluster; returns `status` and `children`."""
    selected = customize_rules(parent)
    labels = {value for rule in selected for value in rule.get("labelSelector", {}).get("matchLabels", {}).values()}
    # What the recipe hook reports is read by people alone, and takes a while: the labels are enough.
    catalogue = [
        one if labels.isdisjoint(catalogue_labels(one).values()) else _versioned(labelled(one))
        for one in cluster.recipes
    ]
    others = [*map(labelled, cluster.models), *cluster.caches, *cluster.gateways]
    found = select_related(selected, [_versioned(cluster.inventory), *catalogue, *others])
    names = CatalogueNames(cluster.recipes, cluster.models)

    def call(request: Request) -> Raw:
        known = request.with_observation(CATALOGUE_NAMES, names) if is_unknown(request) else request
        return endpoint.sync(known, config)

    return sync_with_children(call, parent, (*ENDPOINT_CHILD_KINDS, *cluster.optional_kinds), found)


def sync_with_children(hook: Callable[[Request], Raw], parent: Raw, kinds: Iterable[str], related: Raw) -> Raw:
    """Calls a sync hook, with the children of the response before, until there are no more of them.

    Some children are created once those that they use by name are observed. Claims are assumed to be bound, and caches
    to have their models.
    """

    def call(children: Iterable[Raw]) -> Raw:
        observed: Raw = {kind: {} for kind in kinds}
        for child in children:
            observed[kind_key(child)][child["metadata"]["name"]] = child | {"status": _settled(child)}
        return hook(parse_request({"parent": parent, "children": observed, "related": related}))

    response = call(())
    while len((following := call(response["children"]))["children"]) > len(response["children"]):
        response = following
    return response


def _settled(child: Raw) -> Raw:
    """The status of a child once all is well, as far as a hook reads it."""
    if kind_key(child) != MADE_CACHE:
        return {"phase": "Bound"}
    listed = [(one["id"], one.get("revision") or DEFAULT_REVISION) for one in child["spec"]["models"]]
    cached = [{"id": name, "revision": revision, "status": "Ready"} for name, revision in listed]
    return {"phase": "Ready", "cachedModels": cached}


def catalogue_names(parent: Raw) -> tuple[str, ...]:
    """The names of an endpoint's recipes in the catalogue: its model's, and that of a recipe it names."""
    spec = read_spec(parent)
    custom = spec.recipe.custom_recipe
    return (spec.requested_model.id or "", *((custom.name,) if custom else ()))
