"""The token for the Hugging Face hub, by reference: a Secret is named here, and read by the kubelet alone."""

from aimlib.api.endpoint_choice import TokenSecret
from aimlib.api.meta import Raw


def hub_token(stated: TokenSecret | None, usual: TokenSecret) -> Raw:
    """The variable HF_TOKEN: of a stated Secret, which has to be there, or of the usual one where there is one."""
    secret = stated or usual
    reference = {"name": secret.name, "key": secret.key, "optional": None if stated else True}
    return {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": reference}}
