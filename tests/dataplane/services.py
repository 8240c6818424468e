"""The Services of a control plane and the addresses that are ready behind them, as kube-proxy and CoreDNS see them."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from kubernetes import client

from tests.cluster.containers import Raw

Place = tuple[str, int]
"""Address and port."""


@dataclass(frozen=True)
class Service:
    """One Service, and what is ready behind it."""

    namespace: str
    name: str
    address: str | None
    """Its ClusterIP; None of a headless one."""
    ports: Mapping[str | None, int]
    """By name; a single port may have none."""
    ready: Mapping[str | None, tuple[Place, ...]] = field(default_factory=dict)
    """The pods that answer, by the name of the port."""

    @property
    def pods(self) -> list[str]:
        """The addresses that are ready, each once."""
        return list(dict.fromkeys(address for places in self.ready.values() for address, _ in places))


def read(core: client.CoreV1Api) -> list[Service]:
    """All Services there are now."""
    slices = client.DiscoveryV1Api(core.api_client).list_endpoint_slice_for_all_namespaces(_preload_content=False)
    ready: dict[tuple[str, str], dict[str | None, tuple[Place, ...]]] = defaultdict(dict)
    for one in json.loads(slices.data)["items"]:
        metadata = one["metadata"]
        behind = ready[metadata["namespace"], metadata["labels"]["kubernetes.io/service-name"]]
        addresses = _ready(one)
        for port in one.get("ports") or ():
            name = port.get("name") or None
            behind[name] = (*behind.get(name, ()), *((address, port["port"]) for address in addresses))
    listed = json.loads(core.list_service_for_all_namespaces(_preload_content=False).data)["items"]
    return [_service(one, ready) for one in listed]


def _ready(endpoint_slice: Raw) -> list[str]:
    return [
        address
        for endpoint in endpoint_slice.get("endpoints") or ()
        if endpoint.get("conditions", {}).get("ready")
        for address in endpoint["addresses"]
    ]


def _service(raw: Raw, ready: Mapping[tuple[str, str], Mapping[str | None, tuple[Place, ...]]]) -> Service:
    namespace, name = raw["metadata"]["namespace"], raw["metadata"]["name"]
    address = raw["spec"].get("clusterIP", "None")
    ports = {port.get("name"): port["port"] for port in raw["spec"].get("ports", ())}
    return Service(namespace, name, None if address == "None" else address, ports, ready.get((namespace, name), {}))
