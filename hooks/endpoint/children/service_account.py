"""The identity of an endpoint's pods."""

from aimlib.api.meta import Raw
from hooks.endpoint.children.owner import Owner
from hooks.objects.service_account import account


def service_account(owner: Owner) -> Raw | None:
    """The identity of an endpoint's pods, where one is requested: a model server never calls the API server."""
    if not owner.spec.security.service_account.create:
        return None
    return account(owner.metadata(owner.account or owner.child))
