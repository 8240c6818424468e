"""The warning about a gated model, whose files the hub gives to those alone whose token has access."""

from collections.abc import Iterator

from aimlib.caching.gated_models import gated_models, token_advice
from aimlib.protocol.conditions import Verdict
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.world import World


def gated_model_warnings(world: World, owner: Owner, serving: Verdict) -> Iterator[str]:
    """While replicas that download a gated model themselves are not ready, and the spec names no token."""
    stated = owner.spec.model and owner.spec.model.token_secret
    own_token = any(one.name == "HF_TOKEN" for one in owner.resolved.env)
    downloads = owner.downloads and not serving.met and owner.replicas > 0
    if downloads and not stated and not own_token:
        advice = token_advice(owner.config.token_secret, "model.tokenSecret")
        gated = sorted(gated_models(world.recipes).intersection(owner.resolved.repositories))
        yield from (f"{checkpoint} is gated: accept its conditions {advice}" for checkpoint in gated)
