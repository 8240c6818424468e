"""Identities of pods."""

from collections.abc import Mapping

from aimlib.api.meta import Raw
from hooks.children.owner import Owner


def account(metadata: Mapping[str, object]) -> Raw:
    """A ServiceAccount whose token is mounted by those pods alone that ask for it."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": dict(metadata),
        "automountServiceAccountToken": False,
    }


def service_account(owner: Owner) -> Raw | None:
    """The identity of an endpoint's pods, where one is asked for: a model server never calls the API server."""
    if not owner.spec.security.service_account.create:
        return None
    return account(owner.metadata(owner.account or owner.child))
