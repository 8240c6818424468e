"""The LeaderWorkerSet that runs an endpoint's engine where each replica is on several nodes."""

from aimlib.api.meta import Raw
from aimlib.kube.server_kinds import EXCLUSIVE_TOPOLOGY, LEADER_WORKER_SET
from hooks.endpoint.children.container import PodPart
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.server_metadata import server_metadata, update_strategy
from hooks.endpoint.children.server_pod import server_pod


def leader_worker_set(owner: Owner, nodes: int) -> Raw:
    """Replicas that are each on several nodes: a leader, which answers requests, and workers beside it.

    All that the API server or the webhook of LeaderWorkerSet would add is written out, so that no sync changes it
    (pkg/webhooks/leaderworkerset_webhook.go). A group whose pod restarts or is lost starts anew as a whole.
    """
    metadata, kind = server_metadata(owner), LEADER_WORKER_SET.partition(".")
    topology = owner.spec.availability.group_topology
    annotations = {**metadata.get("annotations", {}), EXCLUSIVE_TOPOLOGY: topology}
    return {
        "apiVersion": kind[2],
        "kind": kind[0],
        "metadata": {**metadata, "annotations": annotations},
        "spec": {
            "replicas": owner.replicas,
            "startupPolicy": "LeaderCreated",
            "networkConfig": {"subdomainPolicy": "Shared"},
            "rolloutStrategy": {
                "type": "RollingUpdate",
                "rollingUpdateConfiguration": {"partition": 0, **_group_update(owner)},
            },
            "leaderWorkerTemplate": {
                "size": nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": server_pod(owner, PodPart.LEADER),
                "workerTemplate": server_pod(owner, PodPart.WORKER),
            },
        },
    }


def made_anew(owner: Owner) -> bool:
    """Whether it is not kept while the endpoint is stopped: Kueue lets none in a queue change its queue or its pods."""
    return owner.spec.suspend and bool(owner.queue or owner.spec.queue_name)


def _group_update(owner: Owner) -> Raw:
    """How many groups are replaced at a time; Recreate is all of them."""
    strategy = update_strategy(owner)
    return dict(strategy.get("rollingUpdate") or {"maxUnavailable": "100%", "maxSurge": 0})
