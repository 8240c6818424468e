"""The repositories that the hub gives to those alone whose token has access, by the recipes' facts."""

from collections.abc import Iterable

from aimlib.api.endpoint_choice import TokenSecret
from aimlib.api.meta import Raw
from aimlib.caching.weight_files import draft_of, loaded_model


def gated_models(recipes: Iterable[Raw]) -> frozenset[str]:
    """The gated ones among the repositories that recipes load."""
    specs = [recipe.get("spec") or {} for recipe in recipes]
    loaded = [(loaded_model(spec), spec.get("facts")) for spec in specs]
    loaded += [(name, draft.get("facts")) for spec in specs for name, draft in [draft_of(spec)]]
    return frozenset(name for name, facts in loaded if name and (facts or {}).get("gated") is True)


def token_advice(secret: TokenSecret, field: str) -> str:
    """Where a token with access goes: the default Secret, or the one that a field of the spec names."""
    place = f"key {secret.key} of Secret {secret.name}"
    return f"at the hub, and provide a token with access in {place}, or name another one in {field}"
