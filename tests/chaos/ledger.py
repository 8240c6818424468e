"""What there is of children, seen again and again: that none of a living owner goes, and none outlives its owner."""

import json
from typing import Any, NamedTuple

from kubernetes import client

from tests.chaos.churn import GROUP, VERSION, Churn
from tests.cluster.clients import connection
from tests.cluster.plane import ControlPlane

Raw = dict[str, Any]
Child = tuple[str, str]
"""Kind and name."""


class Seen(NamedTuple):
    """Objects as they are at one moment."""

    owners: dict[str, Raw]
    """Endpoints and caches by uid."""
    children: list[tuple[str, Raw]]
    """Kind and object of each child."""


def owner_of(raw: Raw) -> str:
    """The uid of what owns an object."""
    return next((one["uid"] for one in raw["metadata"].get("ownerReferences", ()) if one.get("controller")), "")


class Ledger:
    """The first uid of each child of each owner. A child that has another one later was lost in between."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        api = connection(plane.kubeconfig)
        core, apps, custom = client.CoreV1Api(api), client.AppsV1Api(api), client.CustomObjectsApi(api)
        self.lists = {
            "Deployment": lambda: apps.list_namespaced_deployment(namespace, _preload_content=False),
            "Service": lambda: core.list_namespaced_service(namespace, _preload_content=False),
            "PersistentVolumeClaim": lambda: core.list_namespaced_persistent_volume_claim(
                namespace, _preload_content=False
            ),
            "ConfigMap": lambda: core.list_namespaced_config_map(namespace, _preload_content=False),
        }
        self.ours = lambda resource: custom.list_namespaced_custom_object(GROUP, VERSION, namespace, resource)["items"]
        self.first: dict[tuple[str, str, str], str] = {}
        """By the owner's uid, kind and name."""
        self.lost: set[tuple[str, str, str]] = set()

    def seen(self) -> Seen:
        """What there is now."""
        children = [(kind, one) for kind, call in self.lists.items() for one in json.loads(call().data)["items"]]
        owners = [*self.ours("aimendpoints"), *self.ours("aimcaches")]
        return Seen({one["metadata"]["uid"]: one for one in owners}, [pair for pair in children if owner_of(pair[1])])

    def look(self) -> None:
        """Take down what there is."""
        for kind, one in self.seen().children:
            key = (owner_of(one), kind, one["metadata"]["name"])
            if self.first.setdefault(key, one["metadata"]["uid"]) != one["metadata"]["uid"]:
                self.lost.add(key)

    def losses(self, now: Seen) -> list[str]:
        """Children of living owners that are gone, or that are not what they were."""
        present = {(owner_of(one), kind, one["metadata"]["name"]) for kind, one in now.children}
        gone = {key for key in self.first.keys() - present if key[0] in now.owners}
        return sorted(" ".join(key) for key in gone | {key for key in self.lost if key[0] in now.owners})


def differences(churn: Churn, now: Seen) -> list[str]:
    """What is not as it was last asked for: endpoints, their children, their statuses; and what has no owner."""
    endpoints = {one["metadata"]["name"]: one for one in now.owners.values() if one["kind"] == "AIMEndpoint"}
    asked = {f"churn-{number}": spec for number, spec in churn.specs.items() if spec}
    found = [f"{name} is there or not" for name in endpoints.keys() ^ asked.keys()]
    found += [
        f"{kind} {one['metadata']['name']} is left over"
        for kind, one in now.children
        if owner_of(one) not in now.owners
    ]
    # What gateways route to is a Service of its own, without an address.
    reached = [(kind, one) for kind, one in now.children if one.get("spec", {}).get("clusterIP") != "None"]
    of = {(owner_of(one), kind): one for kind, one in reached}
    for name in endpoints.keys() & asked.keys():
        found += [f"{name}: {words}" for words in _wrong(endpoints[name], asked[name], of)]
    for cache in (one for one in now.owners.values() if one["kind"] == "AIMCache"):
        if cache.get("status", {}).get("phase") != "Ready":
            found.append(f"{cache['metadata']['name']}: {cache.get('status', {}).get('message')}")
    return found


def _wrong(raw: Raw, asked: Raw, children: dict[tuple[str, str], Raw]) -> list[str]:
    uid, status = raw["metadata"]["uid"], raw.get("status", {})
    deployment, service = (children.get((uid, kind), {}).get("spec", {}) for kind in ("Deployment", "Service"))
    pod = deployment.get("template", {}).get("spec", {"containers": [{}], "volumes": []})
    claims = {one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"] if "persistentVolumeClaim" in one}
    own = {f"{raw['metadata']['name']}-cache"} if asked["cache"].get("enabled") else set()
    held = own or ({"shared-storage"} if "name" in asked["cache"] else set())
    phase, allowed = status.get("phase"), {"Ready", "Degraded", "Pending"} if asked["replicas"] else {"Stopped"}
    said = f"{phase} ({status.get('message')})"
    compared = {
        "spec": (raw["spec"]["service"]["port"], asked["service"]["port"]),
        "replicas": (deployment.get("replicas"), asked["replicas"]),
        "cpu": (pod["containers"][0].get("resources", {}).get("requests", {}).get("cpu"), asked["resources"]["cpu"]),
        "port": ([one["port"] for one in service.get("ports", ())], [asked["service"]["port"]]),
        "volume": (claims, held),
        "claim": ((uid, "PersistentVolumeClaim") in children, bool(own)),
        "status": (status.get("observedGeneration"), raw["metadata"]["generation"]),
        "phase": (said, said if phase in allowed else " or ".join(sorted(allowed))),
    }
    return [f"{what} is {is_} and not {should}" for what, (is_, should) in compared.items() if is_ != should]
