"""The budget that keeps an endpoint serving while nodes are drained."""

from aimlib.api.meta import Raw
from hooks.endpoint.children.owner import Owner


def disruption_budget(owner: Owner) -> Raw | None:
    """As many replicas stay as availability.minReady states, else all but one.

    A single replica has a budget only where that is stated: it blocks every drain.
    """
    least = owner.spec.availability.min_ready
    if owner.replicas < (2 if least is None else 1):
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": owner.metadata(owner.child),
        "spec": {
            "maxUnavailable": 1 if least is None else None,
            "minAvailable": least,
            "selector": {"matchLabels": owner.serving_selector},
        },
    }
