"""What the API server serves: plural name and kind of each resource, its scope and its subresources."""

import logging
import threading
from dataclasses import dataclass

import urllib3

from .api import Api, ApiError
from .objects import Object

log = logging.getLogger(__name__)

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Resource:
    """One served resource, e.g. apps/v1 deployments of kind Deployment."""

    api_version: str
    plural: str
    kind: str
    namespaced: bool
    has_status: bool

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def key(self) -> str:
        """The outer key in hook requests: "Service.v1", "Deployment.apps/v1"."""
        return f"{self.kind}.{self.api_version}"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        parts = ["/apis" if self.group else "/api", self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        return "/".join(filter(None, (*parts, self.plural, name, subresource)))


class UnknownResourceError(LookupError):
    """The API server does not serve it (yet)."""


class Discovery:
    """The served resources, asked for again every `interval` seconds."""

    def __init__(self, api: Api, interval: float) -> None:
        self._api, self._interval = api, interval
        self._stop = threading.Event()
        self._by_plural: dict[tuple[str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}

    def start(self) -> None:
        self.refresh()
        threading.Thread(target=self._run, name="discovery", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def resource(self, api_version: str, plural: str) -> Resource:
        try:
            return self._by_plural[api_version, plural]
        except KeyError:
            raise UnknownResourceError(f"discovery: can't find resource {plural} in apiVersion {api_version}") from None

    def kind(self, api_version: str, kind: str) -> Resource:
        try:
            return self._by_kind[api_version, kind]
        except KeyError:
            raise UnknownResourceError(f"discovery: can't find kind {kind} in apiVersion {api_version}") from None

    def refresh(self) -> None:
        found = [
            resource
            for path in ("/api", "/apis")
            for group in self._api.get(path, accept=AGGREGATED)["items"]
            for resource in _resources(group)
        ]
        self._by_plural = {(resource.api_version, resource.plural): resource for resource in found}
        self._by_kind = {(resource.api_version, resource.kind): resource for resource in found}

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self.refresh()
            except (ApiError, urllib3.exceptions.HTTPError) as error:
                log.warning("discovery failed, what was known stays: %s", error)


def _resources(group: Object) -> list[Resource]:
    name = group.get("metadata", {}).get("name", "")
    return [
        Resource(
            api_version=f"{name}/{version['version']}" if name else version["version"],
            plural=resource["resource"],
            kind=resource["responseKind"]["kind"],
            namespaced=resource["scope"] == "Namespaced",
            has_status=any(sub["subresource"] == "status" for sub in resource.get("subresources", ())),
        )
        for version in group.get("versions", ())
        for resource in version.get("resources", ())
    ]
