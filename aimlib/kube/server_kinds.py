"""The kinds that run model servers: a Deployment, and a LeaderWorkerSet for replicas that are on several nodes."""

from collections.abc import Mapping
from typing import Any

LEADER_WORKER_SET = "LeaderWorkerSet.leaderworkerset.x-k8s.io/v1"
SERVER_KINDS = ("Deployment.apps/v1", LEADER_WORKER_SET)
GROUP_SET_LABEL = "leaderworkerset.sigs.k8s.io/name"
"""On the pods of a LeaderWorkerSet: its name."""
GROUP_LABEL = "leaderworkerset.sigs.k8s.io/group-index"
"""On these pods: the number of the replica."""
WORKER_LABEL = "leaderworkerset.sigs.k8s.io/worker-index"
"""On these pods: the number within the replica. The leader is 0."""
LEADER = {WORKER_LABEL: "0"}
GROUP_REVISION_LABEL = "leaderworkerset.sigs.k8s.io/template-revision-hash"
"""On these pods: which version they are of."""
EXCLUSIVE_TOPOLOGY = "leaderworkerset.sigs.k8s.io/exclusive-topology"
"""On a LeaderWorkerSet: the label of nodes by which each replica has nodes of its own."""


def is_server(child: Mapping[str, Any]) -> bool:
    """Whether an object is of a kind that runs model servers."""
    return f"{child['kind']}.{child['apiVersion']}" in SERVER_KINDS


def is_worker(pod: Mapping[str, Any]) -> bool:
    """Whether a pod has a part of a replica, and is not the one of it that answers requests."""
    return str((pod["metadata"].get("labels") or {}).get(WORKER_LABEL, "0")) != "0"


def pods_template(server: Mapping[str, Any]) -> dict[str, Any]:
    """The template of the pods that answer requests: of a group, the leader's."""
    spec = server["spec"]
    group = spec.get("leaderWorkerTemplate")
    return dict(group["leaderTemplate"] if group else spec["template"])
