"""The input of every builder: the endpoint, its configuration and the settings; and what all children share."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from aimlib import pod_template
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_status import Resolved, UsedCache
from aimlib.api.meta import Raw
from aimlib.api.pod import CaBundle
from aimlib.caching.usage import Use
from aimlib.config import Config
from aimlib.engines.catalogue import Engine, engine
from aimlib.naming import ENDPOINT_LABEL, child_name, label_value
from aimlib.selection.select import decided_for
from hooks.objects.shared_volume import ONE_NODE

T = TypeVar("T")


def pod_selector(endpoint: str) -> dict[str, str]:
    """The labels that select the pods of an endpoint. They never change: a Deployment's selector is immutable."""
    return {ENDPOINT_LABEL: label_value(endpoint)}


class HeldDeployment(NamedTuple):
    """The Deployment to keep while the model is being cached."""

    deployment: Raw | None
    """As it was last applied; None where there was none, and so there is none."""


class Owner(NamedTuple):
    """An endpoint that has children."""

    name: str
    namespace: str
    spec: EndpointSpec
    resolved: Resolved
    config: Config
    cache: UsedCache | None = None
    """The AIMCache that the pods use."""
    uses: tuple[Use, ...] = ()
    """All models of caches that any of the pods use, those of an earlier version included."""
    claim_labels: Mapping[str, str] = MappingProxyType({})
    """The labels for the claims that these pods mount and another cache may have made."""
    hold: HeldDeployment | None = None

    @property
    def child(self) -> str:
        """The name of the Deployment, the Service, and whatever there is one of."""
        return child_name(self.name)

    @property
    def claim(self) -> str:
        """The name of the claim that is this endpoint's own."""
        return child_name(self.name, "-cache")

    @property
    def ca_bundle(self) -> CaBundle | None:
        """The authorities that the engine trusts instead of the image's."""
        return self.spec.ca_bundle or self.config.ca_bundle

    @property
    def runtime_class(self) -> str | None:
        """The RuntimeClass of the pods, where one is stated or usual for the vendor."""
        by_vendor = self.config.runtime_class_names.items()
        usual = next((name for vendor, name in by_vendor if vendor == self.resolved.vendor), None)
        return self.spec.runtime_class_name or usual

    @property
    def account(self) -> str | None:
        """The pods' service account, where one is named or made."""
        requested = self.spec.security.service_account
        return requested.name or (self.child if requested.create else None)

    @property
    def template_version(self) -> int:
        """The version of the pod template that is rendered."""
        return pod_template.rendered(self.resolved.template_version)

    def since(self, version: int, value: T) -> T | None:
        """A value that the pod template has from a version on."""
        return value if self.template_version >= version else None

    @property
    def engine(self) -> Engine:
        return engine(self.resolved.backend)

    @property
    def port(self) -> int:
        """The port that the engine listens on."""
        return self.spec.service.target_port or self.engine.port

    @property
    def serving_port(self) -> int:
        """The port that the pods behind the Service listen on: held ones may run another engine."""
        containers = self._held_pod.get("containers") or ()
        ports = [port["containerPort"] for container in containers[:1] for port in container.get("ports") or ()]
        return int(next(iter(ports), self.port))

    @property
    def one_node(self) -> bool:
        """Whether the cache's volume is on one node at a time, and so all of its pods are."""
        return self.cache is not None and self.cache.access_mode in ONE_NODE

    @property
    def own_claim(self) -> bool:
        """Whether pods mount a claim that is this endpoint's own."""
        cache = self.spec.cache
        requested = bool(cache.enabled) and cache.name is None
        return requested or any(
            (volume.get("persistentVolumeClaim") or {}).get("claimName") == self.claim
            for volume in self._held_pod.get("volumes") or ()
        )

    @property
    def _held_pod(self) -> Raw:
        deployment = self.hold.deployment if self.hold else None
        return dict(deployment["spec"]["template"]["spec"]) if deployment else {}

    @property
    def autoscaled(self) -> bool:
        """Whether an autoscaler writes the endpoint's replicas; with zero replicas it is switched off by hand."""
        scaling = self.spec.scaling
        return scaling is not None and (scaling.max_replicas or 1) > 1 and self.spec.replicas > 0

    @property
    def replicas(self) -> int:
        """How many replicas are desired now: spec.replicas, within the bounds of scaling, unless it is zero."""
        scaling = self.spec.scaling
        if scaling is None or self.spec.replicas == 0:
            return self.spec.replicas
        desired = max(self.spec.replicas, scaling.min_replicas)
        return min(desired, scaling.max_replicas) if scaling.max_replicas else desired

    @property
    def most_replicas(self) -> int:
        """How many replicas there may be."""
        scaling = self.spec.scaling
        return max(self.replicas, (scaling.max_replicas or 0) if scaling else 0)

    @property
    def revision(self) -> str | None:
        """The revision that is stated; it means nothing to another model, which an earlier spec requested."""
        requested = self.spec.requested_model
        return requested.revision if self.resolved.model_id == requested.id and self._may_load_revision else None

    @property
    def _may_load_revision(self) -> bool:
        """Whether selection allows a revision to this configuration.

        A configuration that keeps running although the present spec is refused was not selected for its revision.
        """
        if self.resolved.decided_for == decided_for(self.spec):
            return True
        default_code = self.runs_code and self.config.remote_code_revisions == "Default"
        return self.resolved.checkpoint == self.resolved.model_id and not default_code

    @property
    def runs_code(self) -> bool:
        """Whether the engine runs code that is among the model's files."""
        return self.engine.flags.trust_remote_code in self.resolved.args

    @property
    def selector(self) -> dict[str, str]:
        """The labels that select the pods."""
        return pod_selector(self.name)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every child."""
        return {
            "app.kubernetes.io/name": "aim-endpoint",
            "app.kubernetes.io/instance": label_value(self.name),
            "app.kubernetes.io/managed-by": "aim-engine",
            **self.selector,
        }

    def metadata(self, name: str) -> dict[str, object]:
        """Metadata of a child in the endpoint's namespace."""
        return {"name": name, "namespace": self.namespace, "labels": self.labels}
