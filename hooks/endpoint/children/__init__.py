"""The children of an endpoint: one builder per kind, each a literal that reads like the YAML it becomes."""

from aimlib.api.meta import Raw
from aimlib.protocol.metacontroller import wire
from hooks.endpoint.children.claim import claim
from hooks.endpoint.children.dashboard import dashboard
from hooks.endpoint.children.deployment import deployment
from hooks.endpoint.children.hpa import autoscaler
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.pdb import disruption_budget
from hooks.endpoint.children.service import service
from hooks.endpoint.children.service_account import service_account

BUILDERS = (deployment, service, claim, service_account, autoscaler, disruption_budget, dashboard)


def children(owner: Owner) -> list[Raw]:
    """Every child that this endpoint wants, without anything that would never converge."""
    built = (builder(owner) for builder in BUILDERS)
    return [wire(child) for child in built if child is not None]
