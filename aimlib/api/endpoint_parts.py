"""How an AIMEndpoint's model server runs: resources, scaling, Service, cache, identity, image."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api import formats
from aimlib.api.base import (
    FieldRule,
    GpuCount,
    HttpPath,
    Model,
    MountPath,
    ObjectName,
    Port,
    Quantity,
    Ruled,
    Text,
    not_above,
)
from aimlib.api.canary import Canary
from aimlib.api.route import Route


class Resources(Ruled):
    """CPU and memory per replica."""

    rules = (not_above("cpu", "cpuLimit"), not_above("memory", "memoryLimit"))

    gpu_count: GpuCount | None = None
    """The same as recipe.gpuCount."""
    cpu: Quantity | None = None
    """CPU request per replica, in cores, such as 16 or 500m."""
    cpu_limit: Quantity | None = None
    """CPU limit per replica, in cores."""
    memory: Quantity | None = None
    """Memory request per replica, such as 64Gi."""
    memory_limit: Quantity | None = None
    """Memory limit per replica."""


class ServiceSettings(Model):
    """The Service in front of the replicas."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Type of the Service: ClusterIP, NodePort or LoadBalancer."""
    port: Port = 8000
    """Port of the Service."""
    target_port: Port | None = None
    """Port that the engine listens on; 8000 for vLLM and 30000 for SGLang when left out."""
    node_port: Port | None = None
    """Port on every node, for NodePort and LoadBalancer; allocated by the cluster when left out."""
    annotations: Annotated[dict[str, Text], Field(max_length=32)] = Field(default_factory=dict)
    """Annotations of the Service, such as those of a load balancer; an administrator's list bounds them."""
    load_balancer_ip: Annotated[str, Field(max_length=64)] | None = Field(default=None, alias="loadBalancerIP")
    """IP address to request from the load balancer; an administrator's list bounds it."""
    load_balancer_class: Annotated[str, Field(max_length=253)] | None = None
    """Class of the load balancer's implementation; an administrator's list bounds it."""
    load_balancer_source_ranges: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=64)] = ()
    """Client networks, in CIDR notation, from which the load balancer accepts connections."""
    external_traffic_policy: Literal["Cluster", "Local"] | None = None
    """Cluster lets nodes forward external traffic to each other; Local does not, and keeps client addresses."""
    route: Route | None = None
    """Expose the Service through a Gateway of the cluster, by an HTTPRoute."""


class Prometheus(Model):
    """Annotations of the pods by which Prometheus scrapes them."""

    enabled: bool = True
    """Annotate the pods for Prometheus (prometheus.io/scrape, path, port, interval)."""
    interval: Annotated[str, formats.SCRAPE_INTERVAL.field] | None = None
    """Scrape interval, such as 30s, in the annotation prometheus.io/interval for a relabelling rule."""
    path: HttpPath = "/metrics"
    """HTTP path of the metrics."""


class Grafana(Model):
    """A Grafana dashboard for this endpoint."""

    enabled: bool = False
    """Create a ConfigMap that Grafana's sidecar loads (label grafana_dashboard)."""
    dashboard: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Title of the dashboard; the endpoint's name when left out."""


class Monitoring(Model):
    """Metrics and dashboards."""

    enabled: bool = False
    """Whether the settings of prometheus and grafana apply."""
    prometheus: Prometheus = Prometheus()
    """Annotations of the pods by which Prometheus scrapes them."""
    grafana: Grafana = Grafana()
    """A Grafana dashboard for this endpoint."""

    @property
    def scraped(self) -> bool:
        """Whether Prometheus scrapes the pods, and status.metrics has live metrics."""
        return self.enabled and self.prometheus.enabled


AccessMode = Literal["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]


class CacheStorage(Model):
    """The endpoint's PersistentVolumeClaim, in the spelling of the earlier API."""

    size: Quantity | None = None
    """The same as cache.size."""
    storage_class: Annotated[str, formats.OPTIONAL_NAME.field] | None = None
    """The same as cache.storageClass."""
    access_mode: AccessMode | None = None
    """The same as cache.accessMode."""
    mount_path: MountPath | None = None
    """The same as cache.mountPath."""


class Cache(Ruled):
    """Where the model's files are stored: an AIMCache, a PersistentVolumeClaim of this endpoint, or each pod."""

    rules = (
        FieldRule(
            "!has(self.name) || !has(self.enabled) || self.enabled",
            "cache.name names an AIMCache to use, and cache.enabled: false turns caching off; keep one of them",
            lambda raw: "name" not in raw or raw.get("enabled", True) is not False,
        ),
    )

    name: ObjectName | None = None
    """The AIMCache to use. Without name and enabled: the AIMCache of this namespace that lists the model, if any."""
    enabled: bool | None = None
    """Without a name, true stores the files in a PersistentVolumeClaim of this endpoint, false in each pod. With a
    model.source that is downloaded, they are in an AIMCache of this endpoint in any case."""
    size: Quantity | None = None
    """Size of the PersistentVolumeClaim; when left out, the checkpoint's size and 10 % more."""
    storage_class: Annotated[str, formats.OPTIONAL_NAME.field] | None = None
    """Storage class of the PersistentVolumeClaim; the cluster's default when left out."""
    access_mode: AccessMode = "ReadWriteOnce"
    """Access mode of the PersistentVolumeClaim."""
    mount_path: MountPath = "/workspace/model-cache"
    """Path at which the pods mount the volume."""
    storage: CacheStorage | None = None
    """Another spelling of size, storageClass, accessMode and mountPath."""


class PodSecurityContext(Model):
    """User and groups of the engine's processes."""

    run_as_user: Annotated[int, Field(ge=0)] | None = None
    """User id of the processes."""
    run_as_group: Annotated[int, Field(ge=0)] | None = None
    """Primary group id of the processes."""
    fs_group: Annotated[int, Field(ge=0)] | None = None
    """Group id that owns the pods' volumes."""
    supplemental_groups: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=16)] = ()
    """Additional group ids, such as that of the host's render group, which owns the GPU's device files."""


class ServiceAccount(Model):
    """The service account of the pods."""

    create: bool = False
    """Create a service account for this endpoint, without a token."""
    name: ObjectName | None = None
    """Name of the service account; the endpoint's name when it is created and this is left out.
    An administrator's list (serviceAccounts of aim-admission) bounds the names."""


class Security(Model):
    """User, groups and service account of the pods."""

    pod_security_context: PodSecurityContext = PodSecurityContext()
    """User and groups of the engine's processes."""
    service_account: ServiceAccount = ServiceAccount()
    """The service account of the pods."""


IntOrPercent = Annotated[
    int | str,
    Field(json_schema_extra={"x-kubernetes-int-or-string": True, "pattern": r"^[0-9]+%?$"}),
]


ZERO = frozenset({0, "0", "0%"})
"""The values of maxSurge and maxUnavailable that mean no replica."""


class RollingUpdate(Ruled):
    """How many replicas may be surplus or missing during an update."""

    rules = (
        FieldRule(
            "!has(self.maxSurge) || !has(self.maxUnavailable) || "
            "!(string(self.maxSurge) in ['0', '0%'] && string(self.maxUnavailable) in ['0', '0%'])",
            "maxSurge and maxUnavailable cannot both be 0: an update could not replace anything",
            lambda raw: not {"maxSurge", "maxUnavailable"} <= raw.keys() or not ZERO.issuperset(raw.values()),
        ),
    )

    max_surge: IntOrPercent | None = None
    """Replicas above the desired number, or percent of it; each needs GPUs of its own."""
    max_unavailable: IntOrPercent | None = None
    """Replicas that may be missing, or percent of the desired number."""


class Strategy(Model):
    """How an update replaces replicas."""

    type: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    """Type of the strategy: RollingUpdate or Recreate."""
    rolling_update: RollingUpdate | None = None
    """Bounds of a rolling update. When left out, an old replica stops first, so that no spare GPU is needed."""


class DeploymentSettings(Model):
    """How an update replaces replicas."""

    strategy: Strategy = Strategy()
    """Strategy of the Deployment."""
    canary: Canary = Canary()
    """Whether a new version is tried first, and how."""
    on_failure: Literal["Keep", "RollBack"] = "Keep"
    """What becomes of a version that fails to start: Keep leaves it as it is, RollBack returns to the last one that was
    ready. A canary that fails always ends so."""


class Image(Model):
    """The engine's image, instead of the recipe's."""

    repository: Annotated[str, formats.REPOSITORY.field] | None = None
    """Repository of the image, without a tag."""
    tag: Annotated[str, formats.TAG.field] | None = None
    """Tag of the image; latest when only a repository is set."""
    digest: Annotated[str, formats.DIGEST.field] | None = None
    """Digest of the image, such as sha256:..., which decides before the tag."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When to pull the image: Always, IfNotPresent or Never."""
    pull_secrets: Annotated[tuple[ObjectName, ...], Field(max_length=16)] = ()
    """Names of Secrets with credentials of the image registry."""
