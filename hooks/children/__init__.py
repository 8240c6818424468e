"""The children of an endpoint: one builder per kind, each a literal that reads like the YAML it becomes."""

from aimlib.api.meta import Raw
from aimlib.hook import wire
from hooks.children.autoscaler import autoscaler
from hooks.children.claim import claim
from hooks.children.dashboard import dashboard
from hooks.children.deployment import deployment
from hooks.children.disruption import disruption_budget
from hooks.children.owner import Owner
from hooks.children.service import service
from hooks.children.service_account import service_account

BUILDERS = (deployment, service, claim, service_account, autoscaler, disruption_budget, dashboard)


def children(owner: Owner) -> list[Raw]:
    """Every child that this endpoint wants, without anything that would never converge."""
    built = (builder(owner) for builder in BUILDERS)
    return [wire(child) for child in built if child is not None]
