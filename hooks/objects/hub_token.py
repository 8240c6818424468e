"""The environment variable with the hub's token, by reference to a Secret that only the kubelet reads.

Whoever writes an AIMCache names both the Secret and the hub, so the settings decide which hubs get a token.
"""

from collections.abc import Sequence

from aimlib.api.cache import HubSpec
from aimlib.api.endpoint_choice import TokenSecret
from aimlib.api.meta import Raw
from aimlib.config import Config
from aimlib.hub_url import HUGGING_FACE, may_have_token, shown


def hub_token(stated: TokenSecret | None, default: TokenSecret) -> Raw:
    """HF_TOKEN from the stated Secret, which must exist, else from the default one where it exists."""
    secret = stated or default
    reference = {"name": secret.name, "key": secret.key, "optional": None if stated else True}
    return {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": reference}}


def cache_token(hub: HubSpec, config: Config) -> Raw | None:
    """HF_TOKEN for the downloads of a cache; None offline, and for a hub that gets no token."""
    if hub.offline or not may_have_token(hub.endpoint, config.token_hubs):
        return None
    return hub_token(hub.token_secret, config.token_secret)


def token_refusal(hub: HubSpec, hubs: Sequence[str]) -> str | None:
    """Why the Secret that a cache names is not sent to its hub; None where it is, or where it names none."""
    if hub.offline or hub.token_secret is None or may_have_token(hub.endpoint, hubs):
        return None
    endpoint, allowed = shown(hub.endpoint or HUGGING_FACE), ", ".join(hubs) or "none"
    return (
        f"hub.tokenSecret is not sent to {endpoint}: the hubs that get a token are {allowed}; leave out "
        "hub.tokenSecret, or have the hub added to tokenHubs in the operator's settings"
    )
