"""The identity of an endpoint's pods."""

from aimlib.api.meta import Raw
from hooks.children.owner import Owner


def service_account(owner: Owner) -> Raw | None:
    """A ServiceAccount without a token, where one is asked for: a model server never calls the API server."""
    if not owner.spec.security.service_account.create:
        return None
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": owner.metadata(owner.account or owner.child),
        "automountServiceAccountToken": False,
    }
