"""What makes pods of LeaderWorkerSets: a small stand-in, or with AIM_GROUPS=lws the program itself.

The stand-in makes of each group a leader and its workers, with the labels, the variables and the names that
LeaderWorkerSet gives them; it makes all of a group anew when one of its pods is lost, fails or restarts; and it writes
the status. A group of an earlier version is replaced at once. Pods are its own, where the program puts StatefulSets
between.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from kubernetes import client
from kubernetes.client import ApiException

from aimlib.kube.server_kinds import GROUP_LABEL, GROUP_REVISION_LABEL, GROUP_SET_LABEL, WORKER_LABEL
from aimlib.naming import short_digest
from tests.cluster import lws
from tests.cluster.clients import connection
from tests.cluster.plane import ControlPlane
from tests.cluster.rounds import rounds

VARIABLE = "AIM_GROUPS"
GROUP, VERSION, PLURAL = "leaderworkerset.x-k8s.io", "v1", "leaderworkersets"
SIZE = "leaderworkerset.sigs.k8s.io/size"
PERIOD_SECONDS = 0.3

Raw = dict[str, Any]


@contextmanager
def controller(plane: ControlPlane) -> Iterator[None]:
    """What makes pods of LeaderWorkerSets, until the context ends."""
    if os.environ.get(VARIABLE) == "lws":
        with lws.manager(plane):
            yield
        return
    api = connection(plane.kubeconfig)
    with rounds(
        "leader-worker-sets", PERIOD_SECONDS, partial(_look, client.CustomObjectsApi(api), client.CoreV1Api(api))
    ):
        yield


def _look(objects: client.CustomObjectsApi, core: client.CoreV1Api) -> None:
    listed: Raw = objects.list_cluster_custom_object(GROUP, VERSION, PLURAL)
    for one in listed["items"]:
        if not one["metadata"].get("deletionTimestamp"):
            Groups(one, objects, core).reconcile()


class Groups:
    """The groups of one LeaderWorkerSet."""

    def __init__(self, made: Raw, objects: client.CustomObjectsApi, core: client.CoreV1Api) -> None:
        self.made, self.objects, self.core = made, objects, core
        self.name, self.namespace = made["metadata"]["name"], made["metadata"]["namespace"]
        self.template = made["spec"]["leaderWorkerTemplate"]
        self.revision = short_digest(self.template)

    def reconcile(self) -> None:
        self._names()
        listed = self.core.list_namespaced_pod(self.namespace, label_selector=f"{GROUP_SET_LABEL}={self.name}").items
        replicas = self.made["spec"]["replicas"]
        groups = {str(number): [pod for pod in listed if _number(pod) == str(number)] for number in range(replicas)}
        for pod in listed:
            if _number(pod) not in groups:
                self._delete(pod)
        for number, pods in groups.items():
            self._group(number, pods)
        self._report(list(groups.values()))

    def _group(self, number: str, pods: list[Any]) -> None:
        """A group with all of its pods, or none of them while some are left of one that broke."""
        size = self.template["size"]
        whole = len(pods) == size and not any(map(self._is_broken, pods))
        if whole:
            return
        for pod in pods:
            self._delete(pod)
        if not pods:
            for worker in range(size):
                self.core.create_namespaced_pod(self.namespace, self._pod(number, worker))

    def _is_broken(self, pod: Any) -> bool:
        restarted = any(one.restart_count for one in pod.status.container_statuses or ())
        former = pod.metadata.labels[GROUP_REVISION_LABEL] != self.revision
        return bool(pod.metadata.deletion_timestamp or restarted or former or pod.status.phase == "Failed")

    def _delete(self, pod: Any) -> None:
        if not pod.metadata.deletion_timestamp:
            with suppress(ApiException):
                self.core.delete_namespaced_pod(pod.metadata.name, self.namespace)

    def _pod(self, number: str, worker: int) -> Raw:
        template = self.template["workerTemplate" if worker else "leaderTemplate"]
        metadata, spec = template["metadata"], template["spec"]
        name = f"{self.name}-{number}" + (f"-{worker}" if worker else "")
        found = {
            "LWS_LEADER_ADDRESS": f"{self.name}-{number}.{self.name}.{self.namespace}",
            "LWS_GROUP_SIZE": str(self.template["size"]),
            "LWS_WORKER_INDEX": str(worker),
        }
        variables = [{"name": key, "value": value} for key, value in found.items()]
        labels = {
            GROUP_SET_LABEL: self.name,
            GROUP_LABEL: number,
            WORKER_LABEL: str(worker),
            GROUP_REVISION_LABEL: self.revision,
        }
        containers = [{**one, "env": [*variables, *one.get("env", ())]} for one in spec["containers"]]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": {**metadata.get("labels", {}), **labels},
                "annotations": {**metadata.get("annotations", {}), SIZE: str(self.template["size"])},
                "ownerReferences": [self._owner()],
            },
            "spec": {**spec, "containers": containers, "hostname": name, "subdomain": self.name},
        }

    def _owner(self) -> Raw:
        about = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "LeaderWorkerSet"}
        return {**about, "name": self.name, "uid": self.made["metadata"]["uid"], "controller": True}

    def _names(self) -> None:
        """The Service by which pods have names."""
        spec = {"clusterIP": "None", "selector": {GROUP_SET_LABEL: self.name}, "publishNotReadyAddresses": True}
        metadata = {"name": self.name, "ownerReferences": [self._owner()]}
        with suppress(ApiException):
            body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
            self.core.create_namespaced_service(self.namespace, body)

    def _report(self, groups: list[list[Any]]) -> None:
        size = self.template["size"]
        there = [pods for pods in groups if any(pod.metadata.labels[WORKER_LABEL] == "0" for pod in pods)]
        ready = [pods for pods in there if len(pods) == size and all(map(_is_ready, pods))]
        updated = [
            pods for pods in there if all(one.metadata.labels[GROUP_REVISION_LABEL] == self.revision for one in pods)
        ]
        status = {
            "observedGeneration": self.made["metadata"]["generation"],
            "replicas": len(there),
            "readyReplicas": len(ready),
            "updatedReplicas": len(updated),
            "hpaPodSelector": f"{GROUP_SET_LABEL}={self.name},{WORKER_LABEL}=0",
        }
        if status != self.made.get("status"):
            place = GROUP, VERSION, self.namespace, PLURAL, self.name
            self.objects.patch_namespaced_custom_object_status(*place, {"status": status})


def _number(pod: Any) -> str:
    return str(pod.metadata.labels[GROUP_LABEL])


def _is_ready(pod: Any) -> bool:
    conditions = {one.type: one.status for one in pod.status.conditions or ()}
    return conditions.get("Ready") == "True" and not pod.metadata.deletion_timestamp
