"""The environment variable with the hub's token, by reference to a Secret that only the kubelet reads."""

from aimlib.api.endpoint_choice import TokenSecret
from aimlib.api.meta import Raw


def hub_token(stated: TokenSecret | None, default: TokenSecret) -> Raw:
    """HF_TOKEN from the stated Secret, which must exist, else from the default one where it exists."""
    secret = stated or default
    reference = {"name": secret.name, "key": secret.key, "optional": None if stated else True}
    return {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": reference}}
