"""The queue of an endpoint's Deployment: Kueue refuses another one, with all that is changed beside it, while pods run.

Source: pkg/controller/jobs/deployment/deployment_webhook.go of Kueue (ValidateUpdate goes by status.readyReplicas).
"""

from collections.abc import Iterator

from aimlib.kube.queue import QUEUE_LABEL
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.world import World


def deployed_queue(world: World) -> str | None:
    """The queue that the Deployment may have now: its own while replicas are ready, else that of the spec."""
    found = world.running or {}
    if not (found.get("status") or {}).get("readyReplicas"):
        return world.spec.queue_name
    return (found["metadata"].get("labels") or {}).get(QUEUE_LABEL)


def queue_warnings(owner: Owner) -> Iterator[str]:
    """That another queue waits for the pods to end."""
    if owner.queue != owner.spec.queue_name and not owner.spec.suspend:
        yield (
            f"queueName {owner.spec.queue_name} has no effect before the endpoint is stopped (suspend: true), since "
            "Kueue lets no Deployment that runs change its queue"
        )
