"""The input of every builder of a gateway's children."""

from typing import NamedTuple

from aimlib.api.gateway import GatewaySpec
from aimlib.config import Config
from aimlib.gateway.routed import agents_name
from aimlib.naming import GATEWAY_LABEL, child_name, label_value

TRAFFIC_PORT = 8080
"""Port of the pods for clients."""


class GatewayOwner(NamedTuple):
    """A gateway that has children."""

    name: str
    namespace: str
    spec: GatewaySpec
    config: Config
    namespaces: tuple[str, ...]
    """Those whose endpoints it routes to."""
    table: str
    """The table as its pods read it."""

    @property
    def child(self) -> str:
        """The name of the Deployment, the Service, and whatever there is one of."""
        return child_name(self.name)

    @property
    def routes(self) -> str:
        """The name of the ConfigMap with the table."""
        return child_name(self.name, "-routes")

    @property
    def agents(self) -> str:
        """The name of the headless Service of the agents."""
        return agents_name(self.name)

    @property
    def selector(self) -> dict[str, str]:
        """The labels that select the pods."""
        return {GATEWAY_LABEL: label_value(self.name)}

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every child."""
        return {
            "app.kubernetes.io/name": "aim-gateway",
            "app.kubernetes.io/instance": label_value(self.name),
            "app.kubernetes.io/managed-by": "aim-engine",
            **self.selector,
        }

    def metadata(self, name: str) -> dict[str, object]:
        """Metadata of a child in the gateway's namespace."""
        return {"name": name, "namespace": self.namespace, "labels": self.labels}
