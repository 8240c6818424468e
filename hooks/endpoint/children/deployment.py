"""What runs an endpoint's engine: a Deployment, or a LeaderWorkerSet where each replica is on several nodes."""

from aimlib.api.meta import Raw
from hooks.endpoint.children.held import HeldDeployment
from hooks.endpoint.children.leader_worker_set import leader_worker_set
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.server_metadata import server_metadata, update_strategy
from hooks.endpoint.children.server_pod import server_pod

ROLLOUT_GRACE = 600
"""Seconds beyond the start-up time before a rollout counts as stuck: scheduling and pulling the image."""


def deployment(owner: Owner) -> Raw | None:
    """The Deployment of the engine; the held one until its model is cached."""
    return engine_deployment(owner) if owner.hold is None else owner.hold.deployment


def engine_deployment(owner: Owner) -> Raw:
    """The Deployment of the engine as the spec requests it; its LeaderWorkerSet where replicas are on several nodes."""
    if owner.resolved.nodes:
        return leader_worker_set(owner, owner.resolved.nodes)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": server_metadata(owner),
        "spec": {
            "replicas": owner.replicas,
            "selector": {"matchLabels": owner.selector},
            "strategy": update_strategy(owner),
            "progressDeadlineSeconds": owner.config.startup_seconds + ROLLOUT_GRACE,
            "template": server_pod(owner),
        },
    }


def held_deployment(owner: Owner, running: Raw, spec: Raw) -> HeldDeployment:
    """A Deployment or LeaderWorkerSet that runs, with a spec that it has already."""
    metadata = {**server_metadata(owner), "name": running["metadata"]["name"]}
    return HeldDeployment(
        {"apiVersion": running["apiVersion"], "kind": running["kind"], "metadata": metadata, "spec": spec}
    )
