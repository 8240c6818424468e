"""The recorded moments, played again: every request has the recorded shape, key by key, managedFields included."""

import json

import pytest

from tests.cluster.standin.objects import clone

from .hookserver import Reply
from .stage import eventually

pytestmark = pytest.mark.e2e

VARYING = {"uid", "resourceVersion", "creationTimestamp", "time", "lastTransitionTime", "lastUpdateTime", "url"}
VARYING |= {
    "controller-uid",
    "volumeName",
    "clusterIP",
    "clusterIPs",
    "message",
    "metacontroller.k8s.io/last-applied-configuration",
}
INVENTORY, RECIPES = "AIMInventory.exp.aim/v1", "AIMRecipe.exp.aim/v1"


def shape(value, name=None):
    """The value, with what differs from run to run replaced by its type."""
    if name in VARYING:
        return type(value).__name__
    if isinstance(value, dict):
        return {'k:{"uid":…}' if key.startswith('k:{"uid":') else key: shape(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return (
            sorted(map(shape, value), key=_rank) if name in {"managedFields", "conditions"} else list(map(shape, value))
        )
    return value


def _rank(item):
    """Entries of these two lists come in any order."""
    return [item.get(key, "") for key in ("type", "manager", "subresource")]


@pytest.fixture(scope="module")
def played(house, recording):
    """Path to requests, after the scenes have been played with the recorded objects and the recorded answers."""
    house.play()
    director = Director(house, recording)
    try:
        director.play()
        yield house.hooks
    finally:
        director.clean()


class Director:
    """Creates the recorded objects in the recorded order, as the recorded managers."""

    def __init__(self, house, recording):
        self.plane, self.api, self.hooks, self.recording = house.plane, house.api, house.hooks, recording
        self.applied = []

    def play(self):
        answers = {name: self.recording(f"{name}.response") for name in RECORDED}
        self.hooks.answers |= {
            "/ep-cust": lambda _: answers["endpoint-customize"],
            "/ep": lambda request: answers[self.scene(request)],
            "/inv-cust": lambda _: answers["inventory-customize"],
            "/inv": lambda r: answers["inventory-sync"] if r["related"]["AIMNode.exp.aim/v1"] else Reply(503),
            "/node": lambda _: answers["decorator-sync-node-create"],
        }
        for name in ("recorded-0", "recorded-1"):
            self.volume(name)
        first = self.recording("endpoint-sync-norecipe")
        self.apply(first["related"][RECIPES]["m1-mi300x"], first["related"][INVENTORY]["cluster"])
        self.controller("endpoint-sync-norecipe", "/ep", "/ep-cust")
        self.apply(first["parent"])
        eventually(lambda: self.hooks.requests("/ep"), "the sync without an inventory")
        self.controller("inventory-sync", "/inv", "/inv-cust")
        eventually(lambda: self.hooks.requests("/inv"), "the sync of the empty inventory")
        self.controller("decorator-sync-node-create", "/node")
        self.node(self.recording("decorator-sync-node-create")["object"])
        eventually(lambda: self.find("/ep", "ep-00000", complete), "all children of the first endpoint")
        self.plane.kubectl(
            "apply", "--filename=-", input=json.dumps(bare(self.recording("endpoint-sync-steady")["parent"]))
        )
        self.applied.append(("aimendpoints", "ep-00001"))
        eventually(lambda: self.find("/ep", "ep-00001", ready), "the second endpoint ready and bound", 60)

    def clean(self):
        for kind in ("compositecontrollers", "decoratorcontrollers"):
            names = [name for plural, name in self.applied if plural == kind]
            self.plane.kubectl("delete", kind, *names, "--ignore-not-found")
        for plural, name in self.applied:
            self.plane.kubectl("delete", plural, name, "--ignore-not-found", "--wait=false")

    def scene(self, request):
        """Which recorded answer the request gets."""
        if request["parent"]["metadata"]["name"] == "ep-00001":
            return "endpoint-sync-steady"
        known = any(inventory.get("status") for inventory in request["related"][INVENTORY].values())
        return "endpoint-sync-create" if known else "endpoint-sync-norecipe"

    def apply(self, *objects):
        """Server-side, as the manager `exp`."""
        for obj in objects:
            body = json.dumps(bare(obj))
            self.plane.kubectl("apply", "--server-side", "--field-manager=exp", "--filename=-", input=body)
            self.applied.append(
                (f"{obj['kind'].lower()}s".replace("inventorys", "inventories"), obj["metadata"]["name"])
            )

    def controller(self, name, *paths):
        """The recorded one, as it was written before Metacontroller rendered it, with our address."""
        controller = bare(self.recording(name)["controller"])
        for hook, path in zip(("sync", "customize"), paths, strict=False):
            controller["spec"]["hooks"][hook]["webhook"] = {"url": self.hooks.url(path), "timeout": "60s"}
        for child in controller["spec"].get("childResources", ()):
            del child["updateStrategy"]["statusChecks"]
        self.apply(controller)

    def node(self, recorded):
        """Through the administrator's client: a Node is written by many, and passed on whole whoever they are."""
        body = bare(recorded)
        del body["spec"]["taints"]
        self.api.create("/api/v1/nodes", body)
        self.applied.append(("nodes", body["metadata"]["name"]))
        self.api.merge_patch(f"/api/v1/nodes/{body['metadata']['name']}/status", {"status": recorded["status"]})

    def volume(self, name):
        """Like those that the recorded claims found; the smallest that fits is taken."""
        spec = {"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "manual"}
        body = {"metadata": {"name": name}, "spec": {**spec, "hostPath": {"path": f"/volumes/{name}"}}}
        self.api.create("/api/v1/persistentvolumes", body)
        self.applied.append(("persistentvolumes", name))

    def find(self, path, name, holds):
        return next((request for request in self.hooks.requests(path, name) if holds(request)), None)


RECORDED = (
    "endpoint-customize",
    "endpoint-sync-norecipe",
    "endpoint-sync-create",
    "endpoint-sync-steady",
    "inventory-customize",
    "inventory-sync",
    "decorator-sync-node-create",
)


def bare(obj):
    """The object as a user would write it."""
    kept = {key: value for key, value in obj.items() if key not in {"metadata", "status"}}
    metadata = {
        key: obj["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in obj["metadata"]
    }
    metadata.get("annotations", {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return clone({**kept, "metadata": metadata})


def complete(request):
    return all(request["children"][kind] for kind in ("Deployment.apps/v1", "Service.v1", "PersistentVolumeClaim.v1"))


def ready(request):
    [deployment] = request["children"]["Deployment.apps/v1"].values() or [{}]
    [claim] = request["children"]["PersistentVolumeClaim.v1"].values() or [{}]
    conditions = {entry["type"]: entry for entry in deployment.get("status", {}).get("conditions", ())}
    finished = conditions.get("Progressing", {}).get("reason") == "NewReplicaSetAvailable"
    return finished and bool(claim.get("status", {}).get("conditions")) and request["parent"].get("status")


MOMENTS = {
    "endpoint-customize": ("/ep-cust", "ep-00000", lambda _: True),
    "endpoint-sync-norecipe": ("/ep", "ep-00000", lambda _: True),
    "endpoint-sync-create": ("/ep", "ep-00000", lambda r: r["related"][INVENTORY]["cluster"].get("status")),
    "endpoint-sync-steady": ("/ep", "ep-00001", ready),
    "inventory-customize": ("/inv-cust", "cluster", lambda _: True),
    "inventory-sync-empty": ("/inv", "cluster", lambda _: True),
    "inventory-sync": ("/inv", "cluster", lambda r: r["related"]["AIMNode.exp.aim/v1"]),
    "decorator-sync-node-create": ("/node", "gpu-00000", lambda _: True),
    "decorator-sync-node-steady": ("/node", "gpu-00000", lambda r: r["attachments"]["AIMNode.exp.aim/v1"]),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_the_recorded_shape(played, recording, name):
    path, parent, holds = MOMENTS[name]
    sent = next(request for request in played.requests(path, parent) if holds(request))
    assert differences(shape(outlined(sent)), shape(outlined(recording(name)))) == []


def outlined(request):
    """Less what is not the sender's: how closely a CRD describes a controller, and when kwok writes to a Node."""
    request = clone(request)
    for entry in request["controller"]["metadata"]["managedFields"]:
        entry["fieldsV1"] = sorted(entry["fieldsV1"])
    if node := request.get("object"):
        request["object"] = [sorted(node), sorted(node["metadata"])]
    return request


def differences(sent, recorded, path=""):
    """Where and how the two differ, a line each."""
    if isinstance(sent, dict) and isinstance(recorded, dict):
        only = [f"{path}.{key}: only recorded" for key in recorded.keys() - sent.keys()]
        only += [f"{path}.{key}: only sent" for key in sent.keys() - recorded.keys()]
        both = sorted(sent.keys() & recorded.keys())
        return only + [line for key in both for line in differences(sent[key], recorded[key], f"{path}.{key}")]
    if isinstance(sent, list) and isinstance(recorded, list) and len(sent) == len(recorded):
        pairs = enumerate(zip(sent, recorded, strict=True))
        return [line for at, (one, other) in pairs for line in differences(one, other, f"{path}[{at}]")]
    return [] if sent == recorded else [f"{path}: sent {sent!r}, recorded {recorded!r}"]


def test_objects_are_passed_on_whole(played, house):
    [sent] = played.requests("/ep", "ep-00001")[-1]["related"][RECIPES].values()
    assert sent == house.api.get("/apis/exp.aim/v1/aimrecipes/m1-mi300x")
