"""The repositories that the hub gives to those alone whose token has access, by the recipes' facts."""

from collections.abc import Iterable

from aimlib.api.endpoint_choice import TokenSecret
from aimlib.api.meta import Raw
from aimlib.caching.weight_files import loaded_model


def gated_models(recipes: Iterable[Raw]) -> frozenset[str]:
    """The gated ones among the repositories that recipes load."""
    specs = (recipe.get("spec") or {} for recipe in recipes)
    found = (loaded_model(spec) for spec in specs if (spec.get("facts") or {}).get("gated") is True)
    return frozenset(filter(None, found))


def token_advice(secret: TokenSecret, field: str) -> str:
    """Where a token with access goes: the default Secret, or the one that a field of the spec names."""
    place = f"key {secret.key} of Secret {secret.name}"
    return f"at the hub, and provide a token with access in {place}, or name another one in {field}"
