"""A ServiceAccount."""

from collections.abc import Mapping

from aimlib.api.meta import Raw


def account(metadata: Mapping[str, object]) -> Raw:
    """A ServiceAccount whose token is mounted only in pods that request it."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": dict(metadata),
        "automountServiceAccountToken": False,
    }
