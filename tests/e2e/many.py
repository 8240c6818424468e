"""Many endpoints that change all at once, and a look at whether any of their children is deleted meanwhile."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

from kubernetes import client, config, watch
from urllib3.exceptions import HTTPError

from tests.cluster.plane import ControlPlane
from tests.e2e.conftest import space_for
from tests.e2e.space import SECONDS, Space, endpoint

CHANGES = 3
"""How often every endpoint is changed meanwhile."""
BUSY = (client.ApiException, HTTPError)
"""What a caller sees of an API server that is too busy."""


def name(number: int) -> str:
    return f"many-{number}"


def wanted(change: int) -> dict:
    """A spec that both children follow; without replicas, so that no pod is in the way of the others."""
    resources = {"cpu": str(2 + change), "memory": "16Gi"}
    return {"modelId": "Qwen/Qwen3-32B", "replicas": 0, "resources": resources, "service": {"port": 9000 + change}}


def until_done(call) -> None:
    """Do something, and again where the API server is too busy for it."""
    while True:
        try:
            return call()
        except BUSY:
            time.sleep(0.2)


class Many(NamedTuple):
    """Many endpoints in a namespace, and the administrator's client."""

    space: Space
    api: client.ApiClient
    count: int

    @property
    def _place(self) -> tuple[str, str, str, str]:
        return "aim.engine.amd.com", "v1alpha1", self.space.namespace, "aimendpoints"

    @property
    def lists(self) -> dict:
        """How each kind of children is listed."""
        return {
            "deployments": client.AppsV1Api(self.api).list_namespaced_deployment,
            "services": client.CoreV1Api(self.api).list_namespaced_service,
        }

    def each(self, call) -> None:
        """Do something with every endpoint."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: until_done(lambda: call(number)), range(self.count)))

    def make(self) -> None:
        create = client.CustomObjectsApi(self.api).create_namespaced_custom_object
        self.each(lambda number: create(*self._place, endpoint(name(number), **wanted(0))))

    def change(self, change: int) -> None:
        patch = client.CustomObjectsApi(self.api).patch_namespaced_custom_object
        self.each(lambda number: patch(*self._place, name(number), {"spec": wanted(change)}))

    def delete(self) -> None:
        delete = client.CustomObjectsApi(self.api).delete_collection_namespaced_custom_object
        until_done(lambda: delete(*self._place))

    def found(self, kind: str) -> list[dict]:
        return json.loads(self.lists[kind](self.space.namespace, _preload_content=False).data)["items"]

    def uids(self) -> set[tuple[str, str]]:
        return {(kind, one["metadata"]["uid"]) for kind in self.lists for one in self.found(kind)}

    def right(self, change: int) -> bool:
        """Whether every Deployment and every Service is that of a change, and there are no others."""
        pods = {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in self.found("deployments")}
        reached = [one for one in self.found("services") if one["spec"].get("clusterIP") != "None"]
        ports = {one["metadata"]["name"]: one["spec"]["ports"][0]["port"] for one in reached}
        cpus = {one: pod["containers"][0]["resources"]["requests"]["cpu"] for one, pod in pods.items()}
        names = [name(number) for number in range(self.count)]
        return cpus == dict.fromkeys(names, str(2 + change)) and ports == dict.fromkeys(names, 9000 + change)

    def become(self, change: int, seconds: float = SECONDS) -> None:
        self.space.wait(f"all children to be of change {change}", lambda: self.right(change), seconds)


@contextmanager
def many_endpoints(cluster: ControlPlane, count: int) -> Iterator[Many]:
    """So many endpoints with their children."""
    with space_for(cluster, "many") as space, config.new_client_from_config(str(cluster.kubeconfig)) as api:
        made = Many(space, api, count)
        made.make()
        made.become(0)
        yield made
        made.delete()


@contextmanager
def deletions(many: Many) -> Iterator[list]:
    """What is deleted of Deployments and Services, as watches see it, and what is not what it was afterwards."""
    gone: list = []
    before = many.uids()
    over = threading.Event()

    def look(kind):
        while not over.is_set():
            try:
                for event in watch.Watch().stream(many.lists[kind], many.space.namespace, timeout_seconds=2):
                    if event["type"] == "DELETED":
                        gone.append((kind, event["object"].metadata.name))
            except BUSY:
                time.sleep(0.2)

    threads = [threading.Thread(target=look, args=[kind]) for kind in many.lists]
    for thread in threads:
        thread.start()
    try:
        yield gone
    finally:
        over.set()
        for thread in threads:
            thread.join()
    gone += before - many.uids()


@contextmanager
def changing(many: Many) -> Iterator[None]:
    """All endpoints are changed again and again."""

    def change():
        for number in range(1, CHANGES + 1):
            many.change(number)
            time.sleep(0.5)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        thread.join()
