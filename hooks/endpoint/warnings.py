"""Messages for status.warnings: fields that have no effect here, and settings with a cost."""

from collections.abc import Callable, Iterator

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_parts import ZERO, RollingUpdate
from aimlib.api.resolved import Resolved
from aimlib.api.scaling import USUAL_IDLE_SECONDS
from aimlib.config import Config
from aimlib.scaling.headroom import follows_past
from aimlib.selection.candidates import format_gpus
from aimlib.telemetry.load_targets import stated_targets
from hooks.objects.annotations import is_reserved

OUTSIDE = (
    ("loadBalancerIP", "load_balancer_ip", ("LoadBalancer",)),
    ("loadBalancerClass", "load_balancer_class", ("LoadBalancer",)),
    ("loadBalancerSourceRanges", "load_balancer_source_ranges", ("LoadBalancer",)),
    ("nodePort", "node_port", ("LoadBalancer", "NodePort")),
    ("externalTrafficPolicy", "external_traffic_policy", ("LoadBalancer", "NodePort")),
)
"""Fields of the Service, and the types for which they mean something."""


def _service(spec: EndpointSpec, _: Resolved | None) -> Iterator[str]:
    requested = spec.service
    for name, attribute, types in OUTSIDE:
        if getattr(requested, attribute) and requested.type not in types:
            yield f"service.{name} has no effect for a Service of type {requested.type}"
    if reserved := sorted(filter(is_reserved, requested.annotations)):
        yield f"service.annotations: {', '.join(reserved)} has no effect: the operator itself sets it"


def _routing(spec: EndpointSpec, _: Resolved | None) -> Iterator[str]:
    if not spec.routing.enabled and (spec.routing.names or spec.routing.weight is not None):
        yield "routing.names and routing.weight have no effect on gateways while routing.enabled is false"


def _recipe(spec: EndpointSpec, resolved: Resolved | None) -> Iterator[str]:
    if spec.recipe.custom_recipe and spec.recipe.custom_recipe.namespace:
        yield "recipe.customRecipe.namespace has no effect: recipes are cluster-scoped, and the name alone finds one"
    if resolved and resolved.cache_size is None:
        yield f"memory was not checked: recipe {resolved.recipe} has no facts"


def _node_selector(spec: EndpointSpec, config: Config) -> Iterator[str]:
    if unknown := sorted({*spec.node_selector}.difference(config.kept_labels)):
        why = "the inventory does not know which nodes have"
        yield f"nodeSelector was not checked: {why} {', '.join(unknown)} (inventoryLabels of the settings)"


def _placement(spec: EndpointSpec, _: Resolved | None) -> Iterator[str]:
    if spec.monitoring.scraped and (taken := sorted(SCRAPING.intersection(spec.annotations))):
        yield f"annotations: {', '.join(taken)} has no effect: monitoring sets it"


SCRAPING = frozenset(f"prometheus.io/{name}" for name in ("scrape", "port", "path", "interval"))
"""Annotations by which pods are announced to Prometheus."""


def _scaling(spec: EndpointSpec, resolved: Resolved | None) -> Iterator[str]:
    """What has no effect on any cluster; `hooks.endpoint.scaling` tells the rest."""
    scaling = spec.scaling
    if scaling is None:
        return
    if scaling.idle_seconds != USUAL_IDLE_SECONDS and not scaling.to_zero:
        yield f"scaling.idleSeconds has no effect while scaling.minReplicas is {scaling.min_replicas}: 0 lets it stop"
    if not scaling.requested and scaling.vertical.mode == "Off":
        yield "scaling makes no autoscaler while maxReplicas is not above 1; spec.replicas decides"
        return
    stated = [target.spelled for target, _ in stated_targets(scaling)]
    stated += ["anticipate"] * bool(scaling.anticipate) + ["headroom"] * follows_past(scaling)
    if stated and not spec.monitoring.scraped:
        verb = "has" if len(stated) == 1 else "have"
        named = f"scaling.{', '.join(stated)} {verb} no effect"
        yield f"{named} while monitoring.enabled is not true: Prometheus does not scrape the pods"
    if scaling.target_gpu_utilization and resolved and resolved.gpu_count == 0:
        yield "scaling.targetGPUUtilization has no effect on CPUs"


def _surges(rolling: RollingUpdate) -> bool:
    """Whether an update adds a replica above the desired number, stated or as the only way left."""
    if rolling.max_surge is None:
        return rolling.max_unavailable in ZERO
    return rolling.max_surge not in ZERO


def _strategy(spec: EndpointSpec, resolved: Resolved | None) -> Iterator[str]:
    strategy = spec.deployment.strategy
    rolling = strategy.rolling_update
    if rolling is None:
        return
    if strategy.type == "Recreate":
        yield "deployment.strategy.rollingUpdate has no effect with type Recreate"
    elif resolved and resolved.gpu_count and _surges(rolling):
        gpus = format_gpus(resolved.gpu_count)
        yield f"deployment.strategy: an update needs {gpus} to spare for each surging replica"


def _availability(spec: EndpointSpec, resolved: Resolved | None) -> Iterator[str]:
    least, scaling = spec.availability.min_ready, spec.scaling
    if least is None or spec.replicas == 0:
        return
    fewest = max(spec.replicas, scaling.min_replicas) if scaling else spec.replicas
    if least < fewest:
        return
    yield f"availability.minReady {least} lets none of {fewest} replicas be missing: a drain of their nodes waits"
    if resolved and resolved.gpu_count and spec.deployment.strategy.rolling_update is None:
        yield f"availability.minReady: an update needs {format_gpus(resolved.gpu_count)} to spare"


def _canary(spec: EndpointSpec, resolved: Resolved | None) -> Iterator[str]:
    canary = spec.deployment.canary
    if canary.enabled and resolved and resolved.gpu_count and not resolved.nodes:
        count = max(min(canary.replicas, spec.replicas), 1)
        gpus = format_gpus(resolved.gpu_count * count)
        yield f"deployment.canary: a new version needs {gpus} to spare while it is tried, and while it takes over"


OWN_CLAIM = {
    "size": "size",
    "storage_class": "storageClass",
    "access_mode": "accessMode",
    "mount_path": "mountPath",
}
"""Fields of the endpoint's own PersistentVolumeClaim, as they are spelled."""


def _claim(spec: EndpointSpec, resolved: Resolved | None) -> Iterator[str]:
    stated, elsewhere = spec.cache, bool(resolved and resolved.source) and not spec.requested_model.pinned
    if elsewhere and stated.enabled is False:
        source = resolved.source if resolved else ""
        yield f"cache.enabled: false has no effect: the files are downloaded from {source} to an AIMCache"
    if (stated.enabled or spec.requested_model.downloaded or elsewhere) and not stated.name:
        return
    named = f"with cache.name: the AIMCache {stated.name} has its own"
    why = named if stated.name else "without cache.enabled: true"
    for name, spelled in OWN_CLAIM.items():
        if name in stated.model_fields_set and (stated.name or name != "mount_path"):  # files have a path in any case
            yield f"cache.{spelled} has no effect {why}"


def _one_node(spec: EndpointSpec, resolved: Resolved | None) -> Iterator[str]:
    scaling = spec.scaling
    most = max(spec.replicas, (scaling.max_replicas or scaling.min_replicas) if scaling else 0)
    if resolved and resolved.nodes:
        return
    for path, mode in _one_node_modes(spec):
        if most > 1:
            yield f"{path}.accessMode {mode} keeps all {most} replicas on one node; ReadWriteMany does not"


def _one_node_modes(spec: EndpointSpec) -> Iterator[tuple[str, str]]:
    """The endpoint's own volumes that are on one node at a time: the field, and the access mode."""
    compiled = spec.engine.compile_cache
    own = spec.cache.access_mode if spec.cache.enabled and not spec.cache.name else None
    modes = {"cache": own, "engine.compileCache": compiled.access_mode if compiled else None}
    return ((path, mode) for path, mode in modes.items() if mode and mode.startswith("ReadWriteOnce"))


def _nodes(spec: EndpointSpec, resolved: Resolved | None) -> Iterator[str]:
    """What replicas on several nodes cannot have."""
    if resolved is None or resolved.nodes is None:
        if spec.availability.group_topology:
            yield "availability.groupTopology has no effect: a replica is on one node"
        return
    many = f"a replica is on {resolved.nodes} nodes"
    if spec.deployment.canary.enabled:
        yield f"deployment.canary has no effect: {many}, and a new version replaces replicas one after the other"
    if spec.scaling and spec.scaling.vertical.mode != "Off":
        yield f"scaling.vertical has no effect: {many}, and a pod that is changed would restart all of it"
    if spec.engine.compile_cache:
        yield f"engine.compileCache has no effect: {many}, all of which start anew with other pods when one ends"
    mode = spec.cache.access_mode
    if spec.cache.enabled and not spec.cache.name and mode.startswith("ReadWriteOnce"):
        yield f"cache.accessMode {mode} keeps all pods on one node, and {many}; ReadWriteMany does not"


TABLE: tuple[Callable[[EndpointSpec, Resolved | None], Iterator[str]], ...] = (
    _recipe,
    _placement,
    _service,
    _routing,
    _scaling,
    _strategy,
    _availability,
    _canary,
    _claim,
    _one_node,
    _nodes,
)


def warnings(spec: EndpointSpec, resolved: Resolved | None, config: Config) -> tuple[str, ...]:
    """Messages for status.warnings, about the spec and the configuration that was selected for it."""
    return *_node_selector(spec, config), *(message for part in TABLE for message in part(spec, resolved))
