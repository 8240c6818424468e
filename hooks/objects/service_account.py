"""A ServiceAccount."""

from collections.abc import Mapping

from aimlib.api.meta import Raw


def account(metadata: Mapping[str, object]) -> Raw:
    """A ServiceAccount whose token is mounted by those pods alone that ask for it."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": dict(metadata),
        "automountServiceAccountToken": False,
    }
