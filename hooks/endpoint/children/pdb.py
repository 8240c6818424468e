"""The budget that keeps an endpoint serving while nodes are drained."""

from aimlib.api.meta import Raw
from hooks.endpoint.children.owner import Owner


def disruption_budget(owner: Owner) -> Raw | None:
    """One replica may be missing. A single replica has no budget: it would block every drain."""
    if owner.replicas < 2:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": owner.metadata(owner.child),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": owner.selector}},
    }
