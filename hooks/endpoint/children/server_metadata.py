"""What a Deployment and a LeaderWorkerSet of an endpoint have alike: metadata, and how an update goes on."""

from aimlib.api.endpoint_parts import ZERO
from aimlib.api.meta import Raw
from aimlib.caching.usage import usage_metadata
from aimlib.kube.queue import QUEUE_LABEL
from hooks.endpoint.children.owner import Owner


def update_strategy(owner: Owner) -> Raw:
    """As requested; else an old replica makes room for a new one on GPUs, since a spare GPU may never come.

    Where availability.minReady lets none be missing, the new one comes first.
    """
    requested = owner.spec.deployment.strategy
    if requested.type == "Recreate":
        return {"type": "Recreate"}
    least = owner.spec.availability.min_ready
    spare = least is not None and least >= owner.replicas  # none may be missing
    surges = spare or not owner.resolved.gpu_count
    usual = {"maxSurge": 1, "maxUnavailable": 0} if surges else {"maxSurge": 0, "maxUnavailable": 1}
    stated = requested.rolling_update.wire() if requested.rolling_update else {}
    if ZERO.issuperset((usual | stated).values()):  # the one stated leaves it to the other to make progress
        usual = dict.fromkeys(usual, 1)
    return {"type": "RollingUpdate", "rollingUpdate": usual | stated}


def server_metadata(owner: Owner) -> Raw:
    """That of the Deployment. Its queue is in no template: Kueue copies it to the pods itself (kueue#10965)."""
    queue = {QUEUE_LABEL: owner.queue} if owner.queue else {}
    return usage_metadata(owner.metadata(owner.deployment), owner.uses, {**owner.claim_labels, **queue})
