"""The queue of an endpoint's Deployment: Kueue refuses another one, with all that is changed beside it, while pods run.

Of a LeaderWorkerSet it refuses that always. So one in a queue is not kept while the endpoint is stopped, and is made
anew with what is stated then.

Sources: ValidateUpdate in pkg/controller/jobs of Kueue, in deployment/deployment_webhook.go, which goes by
status.readyReplicas, and in leaderworkerset/leaderworkerset_webhook.go.
"""

from collections.abc import Iterator

from aimlib.kube.queue import QUEUE_LABEL
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.world import World


def deployed_queue(world: World) -> str | None:
    """The queue that the Deployment may have now: its own while replicas are ready, else that of the spec.

    A LeaderWorkerSet has its own for good.
    """
    found = world.running or {}
    if not found or (found["kind"] == "Deployment" and not (found.get("status") or {}).get("readyReplicas")):
        return world.spec.queue_name
    return (found["metadata"].get("labels") or {}).get(QUEUE_LABEL)


def queue_warnings(owner: Owner) -> Iterator[str]:
    """That another queue waits for the pods to end."""
    if owner.queue != owner.spec.queue_name and not owner.spec.suspend:
        kind = "LeaderWorkerSet" if owner.resolved.nodes else "Deployment that runs"
        yield (
            f"queueName {owner.spec.queue_name} has no effect before the endpoint is stopped (suspend: true), since "
            f"Kueue lets no {kind} change its queue"
        )
