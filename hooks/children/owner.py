"""What every builder is given: the endpoint, its choice, and the settings; and what all children share."""

from typing import NamedTuple

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_status import Resolved
from aimlib.config import Config
from aimlib.engines import Engine, engine
from aimlib.names import ENDPOINT_LABEL, child_name, label_value


class Owner(NamedTuple):
    """An endpoint that wants children."""

    name: str
    namespace: str
    spec: EndpointSpec
    resolved: Resolved
    config: Config

    @property
    def child(self) -> str:
        """The name of the Deployment, the Service, and whatever there is one of."""
        return child_name(self.name)

    @property
    def claim(self) -> str:
        """The name of the cache's claim."""
        return child_name(self.name, "-cache")

    @property
    def account(self) -> str | None:
        """The pods' service account, where one is named or made."""
        asked = self.spec.security.service_account
        return asked.name or (self.child if asked.create else None)

    @property
    def engine(self) -> Engine:
        return engine(self.resolved.backend)

    @property
    def port(self) -> int:
        """The port that the engine listens on."""
        return self.spec.service.target_port or self.engine.port

    @property
    def autoscaled(self) -> bool:
        """Whether an autoscaler writes the endpoint's replicas; with zero replicas it is switched off by hand."""
        scaling = self.spec.scaling
        return scaling is not None and (scaling.max_replicas or 1) > 1 and self.spec.replicas > 0

    @property
    def replicas(self) -> int:
        """How many replicas are wanted now: spec.replicas, within the bounds of scaling, unless it is zero."""
        scaling = self.spec.scaling
        if scaling is None or self.spec.replicas == 0:
            return self.spec.replicas
        wanted = max(self.spec.replicas, scaling.min_replicas)
        return min(wanted, scaling.max_replicas) if scaling.max_replicas else wanted

    @property
    def selector(self) -> dict[str, str]:
        """The labels that select the pods. They never change: a Deployment's selector is immutable."""
        return {ENDPOINT_LABEL: label_value(self.name)}

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
