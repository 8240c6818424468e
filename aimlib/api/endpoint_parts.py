"""How an AIMEndpoint's model server runs: resources, scaling, Service, cache, identity, image."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from aimlib.api.base import FieldRule, GpuCount, Model, ObjectName, Port, Quantity, Ruled, Text
from aimlib.api.route import Route
from aimlib.kube.quantity import parse_quantity

Percent = Annotated[int, Field(ge=1, le=100)]
Seconds = Annotated[int, Field(ge=0, le=3600)]


def _within(raw: Mapping[str, Any], request: str, limit: str) -> bool:
    return request not in raw or limit not in raw or parse_quantity(raw[request]) <= parse_quantity(raw[limit])


class Resources(Ruled):
    """CPU and memory of one replica."""

    rules = (
        FieldRule(
            "!has(self.cpu) || !has(self.cpuLimit) || quantity(self.cpu).compareTo(quantity(self.cpuLimit)) <= 0",
            "cpu must not exceed cpuLimit",
            lambda raw: _within(raw, "cpu", "cpuLimit"),
        ),
        FieldRule(
            "!has(self.memory) || !has(self.memoryLimit) || "
            "quantity(self.memory).compareTo(quantity(self.memoryLimit)) <= 0",
            "memory must not exceed memoryLimit",
            lambda raw: _within(raw, "memory", "memoryLimit"),
        ),
    )

    gpu_count: GpuCount | None = None
    """The same as recipe.gpuCount."""
    cpu: Quantity | None = None
    """CPU request."""
    cpu_limit: Quantity | None = None
    """CPU limit."""
    memory: Quantity | None = None
    """Memory request."""
    memory_limit: Quantity | None = None
    """Memory limit."""


class Scaling(Ruled):
    """Automatic scaling: a HorizontalPodAutoscaler on this endpoint when maxReplicas is above 1."""

    rules = (
        FieldRule(
            "!has(self.maxReplicas) || (has(self.minReplicas) ? self.minReplicas : 1) <= self.maxReplicas",
            "minReplicas must not exceed maxReplicas",
            lambda raw: raw.get("maxReplicas") is None or raw.get("minReplicas", 1) <= raw["maxReplicas"],
        ),
    )

    min_replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    """Never fewer, unless spec.replicas is 0."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Never more. Left out or 1, there is no autoscaler."""
    target_cpu_utilization: Percent | None = Field(default=None, alias="targetCPUUtilization")
    """Average CPU use to aim for, in percent of the request."""
    target_memory_utilization: Percent | None = None
    """Average memory use to aim for, in percent of the request."""
    target_gpu_utilization: Percent | None = Field(default=None, alias="targetGPUUtilization")
    """Average GPU use to aim for, in percent. Needs a metrics adapter that serves the device exporter's pod metric."""
    scale_up_delay: Seconds | None = None
    """Seconds for which more must have been wanted before scaling up."""
    scale_down_delay: Seconds | None = None
    """Seconds for which less must have been wanted before scaling down."""


class ServiceSettings(Model):
    """The Service in front of the replicas."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """ClusterIP, NodePort or LoadBalancer."""
    port: Port = 8000
    """Port of the Service."""
    target_port: Port | None = None
    """Port that the engine listens on; 8000 for vLLM and 30000 for SGLang when left out."""
    node_port: Port | None = None
    """Port on every node, for NodePort and LoadBalancer; the cluster chooses when left out."""
    annotations: Annotated[dict[str, Text], Field(max_length=32)] = Field(default_factory=dict)
    """Annotations of the Service, such as those of a load balancer."""
    load_balancer_ip: Annotated[str, Field(max_length=64)] | None = Field(default=None, alias="loadBalancerIP")
    """Address to ask the load balancer for."""
    load_balancer_class: Annotated[str, Field(max_length=253)] | None = None
    """The load balancer's implementation."""
    load_balancer_source_ranges: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=64)] = ()
    """Client networks that a load balancer lets in."""
    external_traffic_policy: Literal["Cluster", "Local"] | None = None
    """Whether outside traffic may be forwarded between nodes."""
    route: Route | None = None
    """Expose the Service through a Gateway of the cluster, by an HTTPRoute."""


class Prometheus(Model):
    """Scraping by annotations on the pods."""

    enabled: bool = True
    """Announce the pods to Prometheus (prometheus.io/scrape, path, port, interval)."""
    interval: Annotated[str, Field(pattern=r"^([0-9]+(ms|s|m|h))+$", max_length=16)] | None = None
    """Scrape interval, as the annotation prometheus.io/interval for a relabelling rule."""
    path: Annotated[str, Field(pattern=r"^/", max_length=256)] = "/metrics"
    """Path of the metrics."""


class Grafana(Model):
    """A dashboard for this endpoint."""

    enabled: bool = False
    """Make a ConfigMap that Grafana's sidecar loads (label grafana_dashboard)."""
    dashboard: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Title of the dashboard; the endpoint's name when left out."""


class Monitoring(Model):
    """Scraping and dashboards."""

    enabled: bool = False
    """Turns the rest on."""
    prometheus: Prometheus = Prometheus()
    """Scraping."""
    grafana: Grafana = Grafana()
    """A dashboard."""

    @property
    def scraped(self) -> bool:
        """Whether the pods are announced to Prometheus, and live figures are asked for."""
        return self.enabled and self.prometheus.enabled


AccessMode = Literal["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]


class CacheStorage(Model):
    """The claim of the cache, as the earlier examples spell it."""

    size: Quantity | None = None
    """The same as cache.size."""
    storage_class: Annotated[str, Field(max_length=253)] | None = None
    """The same as cache.storageClass."""
    access_mode: AccessMode | None = None
    """The same as cache.accessMode."""
    mount_path: Annotated[str, Field(pattern=r"^/", max_length=256)] | None = None
    """The same as cache.mountPath."""


class Cache(Ruled):
    """Where the model's files are kept: in a shared AIMCache, in a claim of this endpoint, or with each pod."""

    rules = (
        FieldRule(
            "!has(self.name) || !has(self.enabled) || self.enabled",
            "cache.name names an AIMCache to use, and cache.enabled: false asks for none; keep one of them",
            lambda raw: "name" not in raw or raw.get("enabled", True) is not False,
        ),
    )

    name: ObjectName | None = None
    """The AIMCache to use. Without name and enabled: the AIMCache of this namespace that lists the model, if any."""
    enabled: bool | None = None
    """Without a name: true keeps the files in a claim of this endpoint alone, false with each pod."""
    size: Quantity | None = None
    """Size of the claim; the checkpoint's size and a tenth when left out."""
    storage_class: Annotated[str, Field(max_length=253)] | None = None
    """Storage class of the claim; the cluster's default when left out."""
    access_mode: AccessMode = "ReadWriteOnce"
    """Access mode of the claim."""
    mount_path: Annotated[str, Field(pattern=r"^/", max_length=256)] = "/workspace/model-cache"
    """Where it is mounted."""
    storage: CacheStorage | None = None
    """Another spelling of the fields above."""


class PodSecurityContext(Model):
    """User and groups of the engine's processes."""

    run_as_user: Annotated[int, Field(ge=0)] | None = None
    """User id."""
    run_as_group: Annotated[int, Field(ge=0)] | None = None
    """Group id."""
    fs_group: Annotated[int, Field(ge=0)] | None = None
    """Group of the volumes."""
    supplemental_groups: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=16)] = ()
    """More groups, such as the host's render group, which owns the GPU's device files."""


class ServiceAccount(Model):
    """The identity of the pods."""

    create: bool = False
    """Make one for this endpoint, without a token."""
    name: ObjectName | None = None
    """Its name; the endpoint's when it is made and this is left out."""


class Security(Model):
    """Identity of the replicas."""

    pod_security_context: PodSecurityContext = PodSecurityContext()
    """User and groups."""
    service_account: ServiceAccount = ServiceAccount()
    """Service account."""


IntOrPercent = Annotated[
    int | str,
    Field(json_schema_extra={"x-kubernetes-int-or-string": True, "pattern": r"^[0-9]+%?$"}),
]


ZERO = frozenset({0, "0", "0%"})
"""The ways to say that no replica may be over, or missing."""


class RollingUpdate(Ruled):
    """How many replicas may be over or missing during an update."""

    rules = (
        FieldRule(
            "!has(self.maxSurge) || !has(self.maxUnavailable) || "
            "!(string(self.maxSurge) in ['0', '0%'] && string(self.maxUnavailable) in ['0', '0%'])",
            "maxSurge and maxUnavailable cannot both be 0: an update could not replace anything",
            lambda raw: not {"maxSurge", "maxUnavailable"} <= raw.keys() or not ZERO.issuperset(raw.values()),
        ),
    )

    max_surge: IntOrPercent | None = None
    """Replicas above the wanted number; each needs its own GPUs."""
    max_unavailable: IntOrPercent | None = None
    """Replicas that may be missing."""


class Strategy(Model):
    """How new versions replace old ones."""

    type: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    """RollingUpdate or Recreate."""
    rolling_update: RollingUpdate | None = None
    """Left out, an old replica makes room for a new one, which needs no spare GPU."""


class Canary(Model):
    """Gradual updates with split traffic; not supported yet."""

    enabled: bool = False
    """Must be false."""
    traffic_split: Annotated[int, Field(ge=0, le=100)] | None = None
    """Percent of the traffic for the new version."""
    duration: Annotated[int, Field(ge=0)] | None = None
    """Seconds."""


class DeploymentSettings(Model):
    """How new versions replace old ones."""

    strategy: Strategy = Strategy()
    """The Deployment's strategy."""
    canary: Canary | None = None
    """Not supported yet."""


REPOSITORY_FORM = r"^[a-zA-Z0-9.-]+(:[0-9]+/)?[a-zA-Z0-9._/-]*$"
TAG_FORM = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"


class Image(Model):
    """The engine's image, where the recipe's does not do."""

    repository: Annotated[str, Field(max_length=512, pattern=REPOSITORY_FORM)] | None = None
    """Repository without tag."""
    tag: Annotated[str, Field(max_length=128, pattern=TAG_FORM)] | None = None
    """Tag; latest when only a repository is given."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When to pull it."""
    pull_secrets: Annotated[tuple[ObjectName, ...], Field(max_length=16)] = ()
    """Names of Secrets with registry credentials."""
