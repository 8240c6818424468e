"""The budget that keeps an endpoint serving while nodes are drained."""

from aimlib.api.meta import Raw
from hooks.endpoint.children.owner import Owner


def _pods(owner: Owner) -> dict[str, str]:
    """All pods of the replicas behind the Service, those that answer no requests included."""
    return {key: value for key, value in owner.serving_selector.items() if key not in owner.leaders}


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
            # Of pods: one that ends takes those of its replica with it.
            "minAvailable": least and least * (owner.resolved.nodes or 1),
            "selector": {"matchLabels": _pods(owner)},
        },
    }
