"""Objects as the API server stores them: what it, kubectl and Metacontroller add to what somebody wrote."""

import json
import uuid
import zlib
from collections.abc import Callable
from typing import Any

from tests.cluster.standin.apply import with_last_applied

Raw = dict[str, Any]

MOMENT = "2026-11-23T10:04:11Z"
WRITTEN = ("labels", "annotations", "ownerReferences")
"""The parts of metadata that somebody owns."""
SERVER_SET = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


def sent(raw: Raw) -> Raw:
    """An object as a client sends it: without what the API server sets."""
    return {**raw, "metadata": {key: value for key, value in raw["metadata"].items() if key not in SERVER_SET}}


def stored(raw: Raw, managers: dict[str, str] | None = None) -> Raw:
    """`raw` with uid, versions and managedFields; `managers` are the owners by part, kubectl's unless given.

    The uid follows the kind and the name, and the version the content, so that each run of the bench sends the same
    bytes, and what is remembered by version is right.
    """
    metadata = raw["metadata"]
    name = "/".join([raw["kind"], metadata.get("namespace", ""), metadata["name"]])
    version = zlib.crc32(json.dumps(sent(raw), sort_keys=True).encode())
    identity = {
        "creationTimestamp": MOMENT,
        "generation": 1,
        "resourceVersion": str(version),
        "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
    }
    owners = {"spec": "kubectl", "status": "metacontroller", **(managers or {})}
    fields = [_entry(raw, part, manager) for part, manager in owners.items() if part == "spec" or part in raw]
    return {**raw, "metadata": {**metadata, **identity, "managedFields": fields}}


def _entry(raw: Raw, part: str, manager: str) -> Raw:
    owned: Raw = {f"f:{part}": _owned(raw.get(part, {}))}
    if part == "spec":
        written = {key: raw["metadata"][key] for key in WRITTEN if key in raw["metadata"]}
        owned = {"f:metadata": _owned(written), **owned}
    entry = {"apiVersion": raw["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": owned}
    entry |= {"manager": manager, "operation": "Update", "time": MOMENT}
    return entry | ({"subresource": part} if part == "status" else {})


def _owned(value: Any) -> Raw:
    """The FieldsV1 tree of a value: one key per field, items of lists by what identifies them."""
    if isinstance(value, dict):
        return {f"f:{key}": _owned(item) for key, item in value.items()}
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        keyed = (
            (json.dumps({key: item[key] for key in ("name", "type", "uid") if key in item}), item) for item in value
        )
        return {f"k:{key}": {".": {}, **_owned(item)} for key, item in keyed if key != "{}"}
    return {}


def applied(child: Raw, parent: Raw) -> Raw:
    """A desired child as Metacontroller writes it: labelled, owned, and with the annotation that it merges by."""
    uid = parent["metadata"]["uid"]
    owner = {"apiVersion": parent["apiVersion"], "kind": parent["kind"], "name": parent["metadata"]["name"], "uid": uid}
    labels = {**child["metadata"]["labels"], "controller-uid": uid}
    wanted = {**child, "metadata": {**child["metadata"], "labels": labels}}
    made = with_last_applied(wanted, wanted)
    owners = [{**owner, "controller": True, "blockOwnerDeletion": True}]
    return {**made, "metadata": {**made["metadata"], "ownerReferences": owners}}


def observed(child: Raw, parent: Raw) -> Raw:
    """A child as it is seen when all is well: defaults filled in, and the status that its controllers give it."""
    made = applied(child, parent)
    status = SETTLED.get(child["kind"])
    return stored(
        _defaulted(made) | ({"status": status(made)} if status else {}),
        {"spec": "metacontroller", "status": "kube-controller-manager"},
    )


def _defaulted(made: Raw) -> Raw:
    """The defaults of the API server that weigh most: those of containers and pods."""
    if made["kind"] != "Deployment":
        return made
    template = made["spec"]["template"]
    container = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
    pod = {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler"}
    containers = [{"imagePullPolicy": "IfNotPresent", **container, **one} for one in template["spec"]["containers"]]
    spec = {"securityContext": {}, **pod, **template["spec"], "containers": containers}
    outer = {"progressDeadlineSeconds": 600, "revisionHistoryLimit": 10, **made["spec"]}
    return {**made, "spec": {**outer, "template": {**template, "spec": spec}}}


def _deployment_status(made: Raw) -> Raw:
    count = made["spec"].get("replicas", 1)
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count)
    reasons = {"Available": "MinimumReplicasAvailable", "Progressing": "NewReplicaSetAvailable"}
    conditions = [
        {
            "type": kind,
            "status": "True",
            "reason": reason,
            "message": "Deployment has minimum availability.",
            "lastTransitionTime": MOMENT,
            "lastUpdateTime": MOMENT,
        }
        for kind, reason in reasons.items()
    ]
    return {**counts, "terminatingReplicas": 0, "observedGeneration": 1, "conditions": conditions}


SETTLED: dict[str, Callable[[Raw], Raw]] = {
    "Deployment": _deployment_status,
    "Service": lambda _: {"loadBalancer": {}},
    "PersistentVolumeClaim": lambda made: {
        "accessModes": made["spec"]["accessModes"],
        "capacity": made["spec"]["resources"]["requests"],
        "phase": "Bound",
    },
}
"""What the status of a child becomes, by its kind."""
