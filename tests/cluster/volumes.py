"""Volumes for claims to bind to: a stock of hostPath PersistentVolumes, topped up while the control plane runs."""

import json
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from kubernetes import client

from tests.cluster.clients import core
from tests.cluster.rounds import rounds

STOCK = {"standard": 20, "fast-ssd": 10, "manual": 10, "expandable": 5}
SIZE = "2Ti"
POLL_SECONDS = 1.0


class Plane(Protocol):
    """What the stock needs to know about a control plane."""

    kubeconfig: Any


def add_volumes(plane: Plane, count: int, storage_class: str = "standard") -> None:
    """Create `count` unbound volumes of one class at once, for instance ahead of a benchmark."""
    api = core(plane.kubeconfig)
    for _ in range(count):
        api.create_persistent_volume(_volume(storage_class), _preload_content=False)


@contextmanager
def pool(plane: Plane) -> Iterator[None]:
    """Keep STOCK free volumes of each class for as long as the context lasts; released ones are removed."""
    api = core(plane.kubeconfig)
    _top_up(api)
    with rounds("volumes", POLL_SECONDS, partial(_top_up, api)):
        yield


def _top_up(api: client.CoreV1Api) -> None:
    # From the API server's cache and as plain JSON: typed objects would cost more than all the rest of the demo.
    reply = api.list_persistent_volume(resource_version="0", _preload_content=False)
    free: Counter[str] = Counter()
    for volume in json.loads(reply.data)["items"]:
        phase = volume.get("status", {}).get("phase", "Pending")
        if phase == "Released":
            api.delete_persistent_volume(volume["metadata"]["name"], _preload_content=False)
        elif phase in ("Available", "Pending"):
            free[volume["spec"]["storageClassName"]] += 1
    for storage_class, wanted in STOCK.items():
        for _ in range(wanted - free[storage_class]):
            api.create_persistent_volume(_volume(storage_class), _preload_content=False)


def _volume(storage_class: str) -> dict[str, Any]:
    name = f"{storage_class}-{secrets.token_hex(5)}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"],
            "capacity": {"storage": SIZE},
            "hostPath": {"path": f"/simulated/{name}"},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": storage_class,
        },
    }
